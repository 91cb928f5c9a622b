"""The disk and the time that a run takes, and the verdict on whether there is room. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bind_local.errors import LocalError


@dataclass(frozen=True)
class Need:
    """One thing that a run makes in a folder: how large it is, and how much of it is there already."""

    what: str
    folder: Path
    size_bytes: int
    minutes: float = 0.0
    there_bytes: int = 0

    @property
    def missing_bytes(self) -> int:
        """The bytes that are still to be written; a folder may hold more than is needed."""
        return max(0, self.size_bytes - self.there_bytes)

    @property
    def missing_minutes(self) -> float:
        """The time that this takes, by its share of the whole."""
        return self.minutes * self.missing_bytes / self.size_bytes if self.size_bytes else 0.0


@dataclass(frozen=True)
class Disk:
    """One file system: its device's number, and what is free on it."""

    device: int
    free_bytes: int


def amount(size_bytes: float) -> str:
    """Return a size as a person says it: 0.4 GB, 17 GB."""
    return f"{size_bytes / 1e9:.{0 if size_bytes >= 9.95e9 else 1}f} GB"


def about(minutes: float) -> str:
    """Return a time as a person says it: from ten minutes on, in steps of five."""
    rounded = 5 * round(minutes / 5) if minutes >= 9.5 else max(1, round(minutes))
    return "about a minute" if rounded == 1 else f"about {rounded} minutes"


def listed(needs: Sequence[Need]) -> str:
    """Return what is missing, each with its size."""
    return ", ".join(f"{need.what} {amount(need.missing_bytes)}" for need in needs if need.missing_bytes)


def announcement(needs: Sequence[Need]) -> str:
    """Return one line: what all of it takes from nothing, and what is still to come here."""
    size, minutes = sum(need.size_bytes for need in needs), sum(need.minutes for need in needs)
    whole = f"from nothing this takes {amount(size)} of disk and {about(minutes)} to set up; here "
    left, time = sum(need.missing_bytes for need in needs), sum(need.missing_minutes for need in needs)
    if not left:
        return whole + "all of it is there already"
    return whole + f"{amount(left)} and {about(time)} are still to come: {listed(needs)}"


def check_room(needs: Sequence[Need], disk_of: Callable[[Path], Disk]) -> None:
    """Raise LocalError for the first disk that has less room than is still to be written to it."""
    free: dict[int, int] = {}
    on_disk: dict[int, list[Need]] = {}
    for need in needs:
        disk = disk_of(need.folder)
        free[disk.device] = disk.free_bytes
        on_disk.setdefault(disk.device, []).append(need)
    for device, its in on_disk.items():
        missing = sum(need.missing_bytes for need in its)
        if missing > free[device]:
            raise LocalError(
                f"the disk of {its[0].folder} has {amount(free[device])} free, "
                f"and {amount(missing)} are still to be written to it: {listed(its)}",
                f"free {amount(missing - free[device])} (`make clean-cache` gives back what an earlier run "
                "built), or set BIND_CACHE to a folder on another disk",
            )
