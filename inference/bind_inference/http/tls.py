"""Speaks TLS with a certificate from files, which are read again when they change."""

from __future__ import annotations

import logging
import os
import ssl
import time
from typing import TYPE_CHECKING, Any, Final

from bind_inference.settings import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bind_inference.settings import Settings

log = logging.getLogger(__name__)

CHECK_S: Final = 2.0
_SETTINGS: Final = "--tls-cert, --tls-key (BIND_TLS_CERT, BIND_TLS_KEY)"


def tls_factory(settings: Settings) -> Callable[..., ssl.SSLContext] | None:
    """Return what makes uvicorn's context, None without TLS. Raises InvalidSetting."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    context = Certificate(settings.tls_cert, settings.tls_key).context
    return lambda *_: context


class Certificate:
    """It is a certificate with its key; a pair that does not fit leaves the last one in use."""

    def __init__(self, cert: Path, key: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Raise InvalidSetting if there is no such pair."""
        self._files = cert, key
        self._clock = clock
        self._checked_at = clock()
        try:
            self._version = self._look()
            self.context = self._current = self._load()
        except OSError as error:  # ssl.SSLError is one
            raise InvalidSetting(f"{_SETTINGS}: {cert} with {key}: {_reason(error)}") from error
        self.context.sni_callback = self._choose

    def _choose(self, connection: Any, _name: str | None, _context: ssl.SSLContext) -> None:
        """Give a handshake the certificate of now; it is called for each, with a name or without."""
        now = self._clock()
        if now - self._checked_at >= CHECK_S:
            self._checked_at = now
            self._refresh()
        connection.context = self._current

    def _refresh(self) -> None:
        try:
            version = self._look()
            if version == self._version:
                return
            self._version = version
            self._current = self._load()
        except OSError as error:
            log.error(  # noqa: TRY400  (it is no bug)
                "the certificate cannot be read again; the last one stays in use",
                extra={"path": str(self._files[0]), "error": _reason(error)},
            )
        else:
            log.info("the certificate was read again", extra={"path": str(self._files[0])})

    def _look(self) -> list[tuple[int, int, int]]:
        found = [os.stat(file) for file in self._files]  # noqa: PTH116  (a swapped link shows as another file)
        return [(one.st_ino, one.st_size, one.st_mtime_ns) for one in found]

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._files, password="")
        return context


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "they are no certificate with its key, both in PEM, the key without a password"
    return error.strerror or str(error)
