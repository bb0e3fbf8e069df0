"""From a run directory to a recorded ending: starting, watching, stopping and resuming training processes."""
