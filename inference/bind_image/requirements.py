"""Pins are chosen: those of NVIDIA's libraries and of what compiles for a GPU are left out. Pure."""

import re

ONLY_FOR_GPUS = re.compile(r"(nvidia|cuda)-|triton$")
_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==")


def for_cpus(text: str, *, without: str = "", only: str = "") -> str:
    """Return a requirements file without the pins, with their hashes and comments, of what only GPUs need.

    without: a package more that is left out. only: the one package that is kept.
    """
    kept, keeps = [], True
    for line in text.splitlines(keepends=True):
        if pin := _PIN.match(line):
            name = pin["name"]
            keeps = not ONLY_FOR_GPUS.match(name) and name != without and only in {"", name}
        if keeps:
            kept.append(line)
    return "".join(kept)
