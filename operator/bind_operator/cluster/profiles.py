"""The profiles lie in a folder, a file each, as a ConfigMap is mounted; a change of it is noticed by looking.

The kubelet brings a changed ConfigMap into the pod within a minute or two, all of it at once.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from bind_operator.policy.facts import Key
from bind_operator.policy.profiles import (
    NO_PROFILES,
    ProfileBook,
    changed_profiles,
    describe_change,
    read_book,
)

logger = logging.getLogger(__name__)

SUFFIX = ".yaml"

Stamp = tuple[tuple[str, int, int, int], ...]


class Profiles:
    """It holds the profiles as they were read last, and knows who uses which."""

    def __init__(self, folder: Path | None, interval_s: float, wake: Callable[[Key], None]) -> None:
        """Read `folder`, if there is one. wake: has a resource looked at soon.

        Raises OSError if the folder cannot be read.
        """
        self._folder = folder
        self._interval_s = interval_s
        self._wake = wake
        self._users: dict[Key, str] = {}
        self._stamp = _stamp(folder)
        self.book = NO_PROFILES if folder is None else _read(folder, NO_PROFILES)

    def note(self, key: Key, name: str | None) -> None:
        """Remember which profile a resource names."""
        if name is None:
            self.forget(key)
        else:
            self._users[key] = name

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone, or names none any more."""
        self._users.pop(key, None)

    async def run(self) -> None:
        """Look for changes until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            if self._folder is None:
                continue
            try:
                self.look()
            except OSError as error:
                # What was read last goes on to count.
                logger.warning("profiles not read", extra={"error": str(error)})

    def look(self) -> None:
        """Read what has changed, and have those looked at who use it. Raises OSError."""
        stamp = _stamp(self._folder)
        if self._folder is None or stamp == self._stamp:
            return
        before, self.book = self.book, _read(self._folder, self.book)
        self._stamp = stamp
        changed = set(changed_profiles(before, self.book))
        for key, name in sorted(self._users.items()):
            if name in changed:
                self._wake(key)


def load_book(folder: Path | None) -> ProfileBook:
    """Return the profiles of a folder. Raises OSError if it cannot be read."""
    return NO_PROFILES if folder is None else read_book(_texts(folder))


def _read(folder: Path, before: ProfileBook) -> ProfileBook:
    book = read_book(_texts(folder))
    for name in changed_profiles(before, book):
        if name in book.faults:
            logger.error("profile cannot be used", extra={"profile": name, "error": book.faults[name]})
        elif name not in book.known:
            logger.warning("profile is gone", extra={"profile": name})
        elif name in before.known:
            fields = describe_change(before.known[name], book.known[name])
            logger.info("profile changed", extra={"profile": name, "changed": fields})
        else:
            logger.info("profile read", extra={"profile": name, "digest": book.known[name].digest})
    return book


def _files(folder: Path) -> list[Path]:
    # A mounted ConfigMap has its content in folders that begin with two dots, and links to the latest.
    found = folder.iterdir()
    return sorted(file for file in found if file.suffix == SUFFIX and not file.name.startswith("."))


def _texts(folder: Path) -> dict[str, str]:
    # What is no text is a fault of that profile alone.
    return {file.stem: file.read_text(encoding="utf-8", errors="replace") for file in _files(folder)}


def _stamp(folder: Path | None) -> Stamp:
    """Return what changes with any of the files."""
    if folder is None:
        return ()
    found = [(file.name, file.stat()) for file in _files(folder)]
    return tuple((name, stat.st_mtime_ns, stat.st_size, stat.st_ino) for name, stat in found)
