"""Tasks, prompts, parsing, rewards, scoring and statistics of rftui. Imports no torch, no textual, and neither rftui, trainer nor store."""
