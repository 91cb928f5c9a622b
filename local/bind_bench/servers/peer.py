"""The peer runs from a checkout of multi2vec-bind-inference, which is never written to, with its own pins."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bind_bench.errors import BenchError
from bind_bench.figures.results import PEER
from bind_bench.servers.process import LaunchConfig, environment

NEEDED: Final = ("app.py", "bind.py", "requirements.txt", "ImageBind/data.py", "bpe")
EXTRA: Final = ("setuptools<81",)
"""fvcore and pytorchvideo import pkg_resources, which newer releases have not."""

NEAREST: Final = {"av==10.0.0": "av==12.3.0"}
"""Some pins have no wheel any more; these are the nearest releases that have one and run with the peer."""

_INSTALL: Final = ("pip", "install", "--quiet", "--compile-bytecode")
"""Byte code is compiled now, as in an image, because otherwise a start would spend seconds on that."""

_NEEDS_GIB: Final = 10.5
_UV: Final = Path(sys.executable).with_name("uv")


@dataclass(frozen=True)
class PeerHome:
    """The peer's environment. relaxed: the pins that could not be installed, as `old -> new`."""

    python: Path
    relaxed: tuple[str, ...]


def check(checkout: Path) -> None:
    """Raise BenchError unless the folder is a checkout of the peer."""
    missing = [name for name in NEEDED if not (checkout / name).exists()]
    if missing:
        raise BenchError(
            f"{checkout} is no checkout of multi2vec-bind-inference: it lacks {', '.join(missing)}",
            "git clone https://github.com/weaviate/multi2vec-bind-inference, and give its folder as PEER",
        )


def relax(requirements: str) -> tuple[str, tuple[str, ...]]:
    """Return the requirements with NEAREST in place of what it replaces, and what was replaced."""
    lines = requirements.splitlines()
    changed = tuple(f"{line.strip()} -> {NEAREST[line.strip()]}" for line in lines if line.strip() in NEAREST)
    return "\n".join(NEAREST.get(line.strip(), line) for line in lines) + "\n", changed


def prepare(checkout: Path, bench: Path) -> PeerHome:
    """Build the environment with the checkout's pins, once for each set of them."""
    requirements = (checkout / "requirements.txt").read_text()
    key = hashlib.sha256("\n".join((requirements, *EXTRA, *_INSTALL)).encode()).hexdigest()[:16]
    home, note = bench / f"peer-{key}", bench / f"peer-{key}.json"
    if not note.exists():
        shutil.rmtree(home, ignore_errors=True)
        note.write_text(json.dumps(_install(requirements, home)))
    return PeerHome(home / "bin" / "python", tuple(json.loads(note.read_text())))


def _install(requirements: str, home: Path) -> tuple[str, ...]:
    """Install the pins, or else the nearest ones; return what was relaxed. Raises BenchError."""
    home.parent.mkdir(parents=True, exist_ok=True)
    made = _uv("venv", "--quiet", "--python", "3.11", str(home))
    if made.returncode:
        raise BenchError(f"no environment for the peer: {made.stderr.strip()[-300:]}", "install Python 3.11")
    source, python = home / "requirements.txt", str(home / "bin" / "python")
    for pins, changed in ((requirements, ()), relax(requirements)):
        source.write_text(pins)
        done = _uv(*_INSTALL, "--python", python, "-r", str(source), *EXTRA)
        if not done.returncode:
            return changed
    raise BenchError(
        f"the peer's requirements cannot be installed: {done.stderr.strip()[-500:]}",
        "run it again where a package registry is reached",
    )


def _uv(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([_UV, *arguments], capture_output=True, text=True, check=False)


def launch_config(checkout: Path, home: PeerHome, bench: Path, checkpoint: Path) -> LaunchConfig:
    """Return how to start it. It works in a scratch folder whose links give it its weights and vocabulary."""
    scratch = bench / "peer-scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / ".checkpoints").mkdir(parents=True)
    (scratch / ".checkpoints" / "imagebind_huge.pth").symlink_to(checkpoint)
    (scratch / ".checkpoints" / "info.json").write_text(json.dumps({"model": "ImageBindModel", "version": 1}))
    (scratch / "bpe").symlink_to(checkout / "bpe")
    command = (str(home.python), "-m", "uvicorn", "app:app", "--host", "127.0.0.1", "--port", "{port}")
    env = environment([checkout, checkout / "ImageBind"])
    return LaunchConfig(PEER, command, scratch, env, bench / "logs" / "peer.log", _NEEDS_GIB)


def versions(home: PeerHome) -> str:
    """Return the versions of what the peer runs on, in one line."""
    program = (
        "import platform, sys\n"
        "from importlib.metadata import version\n"
        "print(f'Python {platform.python_version()}', *(f', {m} {version(m)}' for m in sys.argv[1:]), sep='')"
    )
    command = [str(home.python), "-c", program, "torch", "torchvision", "av", "numpy", "uvicorn"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
