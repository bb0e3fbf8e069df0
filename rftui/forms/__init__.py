"""The launch form without any widget."""
