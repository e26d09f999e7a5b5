"""Lists what a user chooses from, for the command line and for Python alike."""

from enum import StrEnum


class What(StrEnum):
    """Which list of a channel."""

    IMAGES = "images"
    DETAILED = "detailed"
    INSERTS = "inserts"
    UPDATES = "updates"
    PENDING = "pending"
