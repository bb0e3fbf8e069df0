"""`python -m rftui`: the same as the console script."""

from rftui.cli import main

if __name__ == "__main__":
    main()
