"""What a launch would do and whether it can: settings, recipes, preflight."""
