"""Finds the weights: fetched into the cache once, or on the machine already.

A converted file lies ready: it is used in place, so its folder may be read-only (a volume claim, an image
volume) and the cache stays empty. A checkpoint as published is checked and converted into the cache, once.
"""

import fcntl
import logging
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import torch
from safetensors import SafetensorError, safe_open

from bind_inference.weights.checkpoint import SOURCE_SHA256, convert
from bind_inference.weights.errors import WeightsError
from bind_inference.weights.files import check_sum, disk_error
from bind_inference.weights.progress import Progress
from bind_inference.weights.wholeness import find_damage, forget

log = logging.getLogger(__name__)

CONVERTED: Final = ".safetensors"
CHECKPOINTS: Final = (".pth", ".pt")
_SETTING: Final = "--weights-path (BIND_WEIGHTS_PATH)"
_MAX_LISTED: Final = 5  # the end of a container's last words is all that its status keeps
_ELEMENT_BYTES: Final = 4  # conversion writes float32

Report = Callable[[Progress], None]
Shapes = Mapping[str, torch.Size]
Describe = Callable[[Mapping[str, torch.Tensor]], Mapping[str, str]]


@dataclass(frozen=True)
class Source:
    """A checkpoint: the SHA-256 of its file as published, and where it is to be had.

    path: a file or folder on this machine, which holds the checkpoint or what was converted from it; where
    it is None the checkpoint is fetched from `url` (http, https, file).
    """

    sha256: str
    url: str
    path: Path | None = None


def converted_name(model: str, sha256: str) -> str:
    """Return the name that a conversion gives its file."""
    return f"{model}-{sha256[:16]}{CONVERTED}"


def converted(
    model: str, source: Source, cache_dir: Path, shapes: Shapes, progress: Report, describe: Describe
) -> Path:
    """Return the safetensors file of `source`: the one that lies ready, or else one made in `cache_dir`.

    shapes: what the model needs, by name. describe: see `checkpoint.convert`. Raises WeightsError, whose
    message names the setting, the file and the remedy.
    """
    target = cache_dir / converted_name(model, source.sha256)
    if source.path is None:
        _make_whole(target, lambda: _fetch_and_convert(source, target, shapes, progress, describe))
        return target
    file = locate(source.path, model, source.sha256)
    if file.suffix == CONVERTED:
        if damage := _damage(file, cache_dir):
            raise WeightsError(f"{_SETTING}: {file} is damaged ({damage}); copy or convert it again")
        return file

    def make() -> None:
        _check_space(target, shapes)
        _check_file(file, source.sha256, progress, _SETTING)
        convert(file, target, source.sha256, shapes, progress, describe)

    _make_whole(target, make)
    return target


def distrust(model: str, source: Source, cache_dir: Path) -> None:
    """Have the converted file of `source` summed up again when it is asked for, whatever was noted of it."""
    file = cache_dir / converted_name(model, source.sha256)
    if source.path is not None:
        found = locate(source.path, model, source.sha256)
        file = found if found.suffix == CONVERTED else file
    forget(file, cache_dir)


def locate(path: Path, model: str, sha256: str) -> Path:
    """Return the file at or directly in `path` that holds the weights: a converted one before a checkpoint.

    A converted file is one whose metadata name the checkpoint `sha256` as its source. That guards against
    mix-ups; whether the file itself is whole is another question (see `wholeness`).
    """
    try:
        mode = path.stat().st_mode
        files = sorted(entry for entry in path.iterdir() if entry.is_file()) if stat.S_ISDIR(mode) else []
    except OSError as error:
        raise _unreadable(path, error) from error
    if stat.S_ISDIR(mode):
        file = _choose(path, files, converted_name(model, sha256), sha256)
    elif stat.S_ISREG(mode):
        file = path
    else:
        raise WeightsError(f"{_SETTING}: {path} is neither a file nor a folder; name one of these")
    if file.suffix == CONVERTED:
        _check_origin(file, sha256)
    return file


def _choose(folder: Path, files: Sequence[Path], name: str, sha256: str) -> Path:
    """Return the one file of `files` to load; `name` is what a conversion would have called it."""
    if folder / name in files:
        return folder / name
    ready = {file: _origin_or_none(file) for file in files if file.suffix == CONVERTED}
    fitting = [file for file, origin in ready.items() if origin == sha256]
    checkpoints = [file for file in files if file.suffix in CHECKPOINTS]
    for candidates in (fitting, checkpoints):
        if len(candidates) > 1:
            names = _listed([file.name for file in candidates])
            raise WeightsError(
                f"{_SETTING}: {folder} holds several files that may be meant ({names}); name one of them"
            )
        if candidates:
            return candidates[0]
    if len(ready) == 1:
        return next(iter(ready))  # of another checkpoint: what is checked next says so
    if ready:
        raise WeightsError(
            f"{_SETTING}: none of the safetensors files in {folder} ({_listed([f.name for f in ready])}) was "
            f"converted from the checkpoint with the SHA-256 {sha256}; add it, or set --weights-sha256 "
            "(model.weights.sha256) to that of the one that is meant"
        )
    raise WeightsError(
        f"{_SETTING}: {folder} holds neither {name}, nor another *{CONVERTED}, nor a "
        f"{' or '.join(f'*{suffix}' for suffix in CHECKPOINTS)}; {_contents(folder)}. Name the file or the "
        "folder that has it, or put it there"
    )


def _check_origin(file: Path, sha256: str) -> None:
    try:
        origin = _origin(file)
    except OSError as error:
        raise _unreadable(file, error) from error
    except SafetensorError as error:
        raise WeightsError(
            f"{_SETTING}: {file} is not a whole safetensors file ({error}); copy or convert it again"
        ) from error
    if origin is None:
        raise WeightsError(
            f"{_SETTING}: {file} does not say which checkpoint it was made from ({SOURCE_SHA256} in its "
            "metadata); make it with `python -m bind_inference convert`"
        )
    if origin != sha256:
        raise WeightsError(
            f"{_SETTING}: {file} was converted from a checkpoint with the SHA-256 {origin}, not {sha256}; "
            "set --weights-sha256 (model.weights.sha256) if it is meant"
        )


def _origin(file: Path) -> str | None:
    """Return the SHA-256 of the checkpoint that `file` was converted from, by its metadata."""
    file.open("rb").close()  # its error tells what is wrong, unlike safetensors' own
    with safe_open(file, framework="pt", device="cpu") as opened:
        return (opened.metadata() or {}).get(SOURCE_SHA256)


def _origin_or_none(file: Path) -> str | None:
    try:
        return _origin(file)
    except (OSError, SafetensorError):
        return None  # one of several: it matters only if it turns out to be the one


def _fetch_and_convert(
    source: Source, target: Path, shapes: Shapes, progress: Report, describe: Describe
) -> None:
    parts = urlsplit(source.url)
    if parts.scheme == "file":
        local = Path(unquote(parts.path))
        _check_file(local, source.sha256, progress, "--weights-url (BIND_WEIGHTS_URL)")
        _check_space(target, shapes)
        convert(local, target, source.sha256, shapes, progress, describe)
        return
    fetched = target.parent / f"{source.sha256}.pth"
    if fetched.exists() and check_sum(fetched, progress) != source.sha256:
        log.warning("a fetched checkpoint is damaged and fetched anew", extra={"path": str(fetched)})
        fetched.unlink()
    if not fetched.exists():
        # httpx takes 0.2 s to import, and most starts fetch nothing
        from bind_inference.weights.download import fetch

        fetch(source.url, fetched, source.sha256, progress)
    _check_space(target, shapes)
    convert(fetched, target, source.sha256, shapes, progress, describe)
    fetched.unlink()  # the cache need not hold both


def _make_whole(target: Path, make: Callable[[], None]) -> None:
    """Call `make` unless `target` is there and whole; servers that share a cache wait for one of them."""
    if _is_whole(target):
        return
    with _alone_in(target.parent):
        if _is_whole(target):  # another server made it while this one waited
            return
        _remove_damaged(target)
        make()
        if damage := _damage(target, target.parent):
            raise WeightsError(f"{target} was written just now and is damaged ({damage}): see to the disk")


def _is_whole(target: Path) -> bool:
    return target.exists() and _damage(target, target.parent) is None


def _damage(file: Path, notes: Path) -> str | None:
    try:
        return find_damage(file, notes)
    except OSError as error:
        raise _unreadable(file, error) from error


def _remove_damaged(target: Path) -> None:
    if not target.exists():
        return
    log.warning("the converted weights are damaged and are made anew", extra={"path": str(target)})
    try:
        target.unlink()
    except OSError as error:
        raise WeightsError(
            f"{target} is damaged and cannot be removed ({error.strerror}): delete it, it will be made anew"
        ) from error


@contextmanager
def _alone_in(cache_dir: Path) -> Iterator[None]:
    """Hold the cache."""
    lock = cache_dir / ".lock"
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        file = lock.open("w")
    except OSError as error:
        raise disk_error(error, lock) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released when the file is closed, also by a crash
        yield


def _check_space(target: Path, shapes: Shapes) -> None:
    """Raise WeightsError unless the file system of `target` has room for all of `shapes`."""
    target.with_suffix(".tmp").unlink(missing_ok=True)  # of a conversion that was killed
    needed = _ELEMENT_BYTES * sum(shape.numel() for shape in shapes.values())
    free = shutil.disk_usage(target.parent).free
    if needed > free:
        raise WeightsError(
            f"{target.parent} has {free:,} bytes free and the converted weights need {needed:,}: enlarge the "
            "model's cache (model.cache.size, --cache-dir), or give weights that are converted already "
            "(`python -m bind_inference convert`)"
        )


def _check_file(file: Path, sha256: str, progress: Report, setting: str) -> None:
    """Raise WeightsError unless `file` has this sum."""
    try:
        found = check_sum(file, progress)
        size = file.stat().st_size
    except OSError as error:
        raise _unreadable(file, error, setting) from error
    if found != sha256:
        raise WeightsError(
            f"{setting}: {file} ({size:,} bytes) has the SHA-256 {found}, not {sha256}: another file, or "
            "damaged; copy it again, or set --weights-sha256 (model.weights.sha256) if it is meant"
        )


def _unreadable(path: Path, error: OSError, setting: str = _SETTING) -> WeightsError:
    """Return what a failed look at `path` means for whoever runs the server."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if isinstance(error, FileNotFoundError):
        remedy = f"{_contents(_nearest(path))}. Name what is there, or see that the volume is mounted"
    elif isinstance(error, PermissionError):
        remedy = f"let user {os.geteuid()}, group {os.getegid()} read it, or everyone (chmod a+rX)"
    else:
        remedy = "see to the volume or the disk"
    return WeightsError(f"{setting}: cannot read {path}: {reason}; {remedy}")


def _nearest(path: Path) -> Path:
    """Return the nearest folder above `path` that there is."""
    return next(parent for parent in path.absolute().parents if parent.is_dir())


def _contents(folder: Path) -> str:
    try:
        names = sorted(entry.name + "/" * entry.is_dir() for entry in folder.iterdir())
    except OSError:
        return f"{folder} cannot be listed"
    return f"{folder} holds {_listed(names)}" if names else f"{folder} is empty"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
    return ", ".join(names[:_MAX_LISTED]) + more
