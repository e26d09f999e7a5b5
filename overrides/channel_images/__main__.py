"""Runs `python -m channel_images`, the command line, for an environment whose scripts are not on the path."""

from channel_images.cli import main

if __name__ == "__main__":
    main()
