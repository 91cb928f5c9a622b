"""Knows the API keys of which a request must carry one; a file of keys is read again when it changes."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import time
from typing import TYPE_CHECKING, Final

from bind_inference.settings import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bind_inference.settings import Settings

log = logging.getLogger(__name__)

# A kubelet takes a minute to bring a Secret's change, so seconds do.
CHECK_S: Final = 2.0
# Shorter ones can be guessed. What is in a header without quotes is visible ASCII.
MIN_LENGTH: Final = 16
_KEY: Final = re.compile(rf"[!-~]{{{MIN_LENGTH},}}")
_BEARER: Final = re.compile(rb"bearer +(\S+) *", re.IGNORECASE)
_ENVIRONMENT: Final = "BIND_API_KEYS"
_FILE: Final = "--api-keys-file (BIND_API_KEYS_FILE)"

_Version = tuple[int, int, int]


class ApiKeys:
    """It holds the keys of settings. Its methods belong to one thread.

    A file that cannot be read any more, or holds what is no key, leaves the last keys valid: a moment in
    which it is half written must not shut everybody out. Whoever takes a key back writes another.
    """

    def __init__(
        self, given: str = "", file: Path | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raise InvalidSetting for what is no key, and for a file without one; no message holds a key.

        given: keys with spaces or commas between.
        """
        self._given = _split(given.replace(",", "\n"), _ENVIRONMENT)
        self._file = file
        self._clock = clock
        self._checked_at = clock()
        self._version: _Version | None = None
        self._keys: list[str] = []
        self._digests: list[bytes] = []
        try:
            self._read()
        except OSError as error:
            raise InvalidSetting(f"{_FILE}: cannot read {file}: {error.strerror}") from error

    @classmethod
    def of(cls, settings: Settings) -> ApiKeys:
        """Return the keys that settings name. Raises InvalidSetting."""
        given = settings.api_keys.get_secret_value() if settings.api_keys else ""
        return cls(given, settings.api_keys_file)

    @property
    def wanted(self) -> bool:
        """Return whether a request must carry a key."""
        return bool(self._digests)

    @property
    def own(self) -> str | None:
        """Return the key that servers show each other: the first one."""
        self._refresh()
        return self._keys[0] if self._keys else None

    def accept(self, authorization: bytes) -> bool:
        """Return whether the header `Authorization` carries a valid key; the time it takes tells nothing."""
        self._refresh()
        match = _BEARER.fullmatch(authorization)
        shown = _digest(match[1]) if match else b""
        return sum(hmac.compare_digest(shown, valid) for valid in self._digests) > 0

    def _refresh(self) -> None:
        now = self._clock()
        if self._file is None or now - self._checked_at < CHECK_S:
            return
        self._checked_at = now
        try:
            if self._read():
                log.info("API keys were read again", extra={"keys": len(self._keys)})
        except (OSError, InvalidSetting) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            log.error(  # noqa: TRY400  (it is no bug)
                "API keys cannot be read again; the last ones stay valid",
                extra={"path": str(self._file), "error": reason},
            )

    def _read(self) -> bool:
        """Take the keys of the file if it is another than last time; return whether it is."""
        keys = self._given
        if self._file is not None:
            found = os.stat(self._file)  # noqa: PTH116  (a link that is swapped shows as another file)
            version = (found.st_ino, found.st_size, found.st_mtime_ns)
            if version == self._version:
                return False
            self._version = version  # also of a file that is wrong: it is told once
            in_file = _split(self._file.read_text(encoding="utf-8", errors="replace"), _FILE)
            if not in_file:
                raise InvalidSetting(f"{_FILE}: {self._file} holds no key; write one a line into it")
            keys = [*in_file, *self._given]
        self._keys = keys
        self._digests = [_digest(key.encode()) for key in keys]
        return True


def _split(text: str, setting: str) -> list[str]:
    """Return the keys of a text. Raises InvalidSetting, which tells a wrong one's place and not itself."""
    keys = text.split()
    for number, key in enumerate(keys, 1):
        if not _KEY.fullmatch(key):
            raise InvalidSetting(
                f"{setting}: key {number} of {len(keys)} is none: a key has {MIN_LENGTH} characters or more, "
                "all of them visible ASCII (`openssl rand -hex 32` makes one)"
            )
    return keys


def _digest(key: bytes) -> bytes:
    """Return what is compared in a key's place: of one length, whatever was shown."""
    return hashlib.sha256(key).digest()
