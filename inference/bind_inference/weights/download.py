"""Fetch one large file over HTTP; resume where it broke off; name it only when it is checked."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import httpx

from bind_inference.weights.errors import WeightsError
from bind_inference.weights.files import check_sum, disk_error, rename_durably
from bind_inference.weights.progress import Progress, Stage

_TIMEOUT = httpx.Timeout(30.0)
_FRUITLESS_TRIES = 5


def fetch(
    url: str, target: Path, sha256: str, progress: Callable[[Progress], None], *, pause_s: float = 1.0
) -> None:
    """Download `url` to `target`, whose folder exists; what an earlier try left is continued.

    A connection that breaks is taken up again, `pause_s` later and then twice as long each time, until five
    tries in a row brought nothing. Raises WeightsError, which names the address, the cause and the remedy.
    """
    # Named by the checksum: what is left of another file is never continued with this one.
    part = target.with_name(f"{sha256}.part")
    resumed = _size(part) > 0
    _transfer(url, part, progress, pause_s)
    found = check_sum(part, progress)
    if found != sha256.lower() and resumed:
        part.unlink()  # what an earlier try left may have lost bytes with the machine's power
        _transfer(url, part, progress, pause_s)
        found = check_sum(part, progress)
    _check(url, part, sha256, found)
    try:
        rename_durably(part, target)
    except OSError as error:
        raise disk_error(error, part) from error


def _transfer(url: str, part: Path, progress: Callable[[Progress], None], pause_s: float) -> None:
    """Bring `part` to its end, over as many connections as it takes."""
    fruitless = 0
    while True:
        before = _size(part)
        try:
            _continue(url, part, progress)
            break
        except httpx.TransportError as error:
            fruitless = 0 if _size(part) > before else fruitless + 1
            if fruitless == _FRUITLESS_TRIES:
                raise WeightsError(
                    f"cannot fetch {url}: {error or type(error).__name__}; check the network and the address "
                    "(model.weights.url), then restart: the download goes on where it stopped"
                ) from error
            time.sleep(pause_s * 2**fruitless)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise WeightsError(
                f"cannot fetch {url}: {error}; check the address (model.weights.url)"
            ) from error
        except OSError as error:
            raise disk_error(error, part) from error


def _continue(url: str, part: Path, progress: Callable[[Progress], None]) -> None:
    """Append to `part` what it still lacks; raises httpx.TransportError where the transfer ends early."""
    have = _size(part)
    # Compressed transfer would make lengths and ranges mean something else.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with httpx.stream("GET", url, headers=headers, timeout=_TIMEOUT, follow_redirects=True) as response:
        status, content_range = response.status_code, response.headers.get("content-range", "")
        if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and content_range == f"bytes */{have}":
            return  # all of it is here, if the checksum says so
        resumed = status == httpx.codes.PARTIAL_CONTENT and content_range.startswith(f"bytes {have}-")
        if not resumed and status != httpx.codes.OK:
            _refused(url, response, part)
        done = have if resumed else 0
        left = int(response.headers.get("content-length", 0))
        _check_space(part.parent, left - (0 if resumed else have))
        with part.open("ab" if resumed else "wb") as file:
            for block in response.iter_raw():
                file.write(block)
                done += len(block)
                progress(Progress(Stage.DOWNLOAD, done, max(done, left + have if resumed else left)))


def _refused(url: str, response: httpx.Response, part: Path) -> NoReturn:
    """Raise what a status calls for: TransportError if another try may help, else WeightsError."""
    if response.is_server_error:
        raise httpx.RemoteProtocolError(f"the server answered {response.status_code}")
    if response.status_code in (httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE, httpx.codes.PARTIAL_CONTENT):
        part.unlink(missing_ok=True)
        raise httpx.RemoteProtocolError("the server does not continue what is here; starting over")
    raise WeightsError(
        f"cannot fetch {url}: the server answered {response.status_code} {response.reason_phrase}; "
        "check model.weights.url"
    )


def _check(url: str, part: Path, sha256: str, found: str) -> None:
    if found != sha256.lower():
        size = _size(part)
        part.unlink()
        raise WeightsError(
            f"what {url} sent ({size} bytes) has the SHA-256 {found}, not {sha256}: another file, or "
            "damaged; it is deleted. Set model.weights.sha256 if the address is meant"
        )


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise WeightsError(
            f"{needed} bytes are still to come and {folder} has {free} free: enlarge the model's cache "
            "(model.cache.size)"
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
