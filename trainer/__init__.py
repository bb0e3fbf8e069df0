"""The training process of rftui: `python -m trainer RUN_DIR`. The only package that imports torch; it never opens SQLite."""
