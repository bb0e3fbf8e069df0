"""What a run's machine did, without any widget."""
