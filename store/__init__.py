"""Run configuration, journal, SQLite index and media of rftui. Imports no torch, no textual, and neither rftui, trainer nor evals."""
