"""What the model wrote, as the views of rollouts show it, without any widget."""
