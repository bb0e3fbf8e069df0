"""Generated data: what the tasks draw where no real data is, each picture a pure function of its parameters."""
