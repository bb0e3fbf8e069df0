"""Tasks, prompts, parsing, rewards, scoring and statistics. Imports no torch, no textual, no other package of ours."""
