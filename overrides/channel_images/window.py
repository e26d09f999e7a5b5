"""Names a part of a list: the rows that one page holds."""

from attrs import frozen


@frozen
class Window:
    """The rows of a list that one page holds.

    Attributes:
        number: The number of the page, counted from 1.
        limit: Rows on a page.
    """

    number: int
    limit: int

    @property
    def start(self) -> int:
        """How many rows come before it."""
        return (self.number - 1) * self.limit

    @property
    def end(self) -> int:
        """How many rows come before the window after it."""
        return self.number * self.limit

    def __str__(self) -> str:
        return f"page {self.number} of {self.limit} rows"
