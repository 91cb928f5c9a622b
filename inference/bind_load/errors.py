"""The two ways in which a load ends early."""


class LoadFailed(Exception):
    """The load cannot go on; the message says why, what is kept and the remedy."""


class Interrupted(Exception):
    """The load was asked to stop; `status` is the exit status that shells expect of that signal."""

    def __init__(self, status: int) -> None:
        super().__init__(f"asked to stop, status {status}")
        self.status = status
