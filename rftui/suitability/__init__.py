"""Forecasts of what training could gain, made before it: drawn as text, and held against what then happened."""
