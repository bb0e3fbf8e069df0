"""Held-out evaluations as the dashboard shows them, without any widget."""
