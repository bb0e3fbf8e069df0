"""The list of runs, and what is said and done about a run, without any widget."""
