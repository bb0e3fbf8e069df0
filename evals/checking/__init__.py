"""`rftui tasks check`: what is in a task, as plain values, before anything is trained on it."""
