"""Several runs beside each other, without any widget."""
