"""The one error of the demo says what failed, and what to do about it."""


class DemoError(Exception):
    """A step failed. `remedy` says what a person can do next; both are printed, the exit status is 1."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy
