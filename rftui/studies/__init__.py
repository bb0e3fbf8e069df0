"""Studies: named grids of runs and evaluations, without any widget."""
