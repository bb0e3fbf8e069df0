"""Run configuration, journal, SQLite index and media. Imports no torch, no textual, no other package of ours."""
