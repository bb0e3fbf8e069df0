"""Curves of metrics: numbers, plots and alarms, without any widget."""
