"""The training process of rftui: `python -m trainer RUN_DIR`. Alone imports torch; never opens SQLite."""
