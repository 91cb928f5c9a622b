"""Our server runs on the seeded weights at full size, or on Tiny."""

from __future__ import annotations

import compileall
import subprocess
import sys
from typing import TYPE_CHECKING, Final, get_args

from bind_bench.errors import BenchError
from bind_bench.servers.checkpoint import sum_path
from bind_bench.servers.process import LaunchConfig, environment
from bind_inference.settings import Settings
from bind_local.paths import LOCAL, REPO

if TYPE_CHECKING:
    from pathlib import Path

SOURCES: Final = REPO / "inference"
PRECISIONS: Final = ("float32", "bfloat16", "int8")
_SETTING: Final = "precision"
_NEEDS_GIB: Final = 6.0


def precisions() -> tuple[str, ...]:
    """Return those of PRECISIONS that the server can run at; float32 where it has no setting."""
    setting = Settings.model_fields.get(_SETTING)
    return tuple(p for p in PRECISIONS if p in get_args(setting.annotation)) if setting else PRECISIONS[:1]


def ensure_checkpoint(path: Path) -> None:
    """Make the checkpoint once, in a program of its own; its sum comes last and says that it is whole."""
    if sum_path(path).exists() and path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    env = environment([SOURCES, LOCAL])
    try:
        subprocess.run(
            [sys.executable, "-m", "bind_bench.servers.checkpoint", str(path)], env=env, check=True
        )
    except subprocess.CalledProcessError as error:
        raise BenchError(
            f"the weights could not be written to {path}", "5 GB of disk and memory are needed"
        ) from error


def launch_config(bench: Path, checkpoint: Path, precision: str) -> LaunchConfig:
    """Return how to start the full-size server at a precision, from compiled sources as in the image."""
    compileall.compile_dir(SOURCES, quiet=2)
    chosen = ("--precision", precision) if _SETTING in Settings.model_fields else ()
    return _launch_config(
        bench, precision, "--model", "imagebind-huge", "--license-accepted", "true",
        "--cache-dir", str(bench / "ours"),
        "--weights-url", checkpoint.as_uri(), "--weights-sha256", sum_path(checkpoint).read_text(), *chosen,
    )  # fmt: skip


def tiny_launch_config(bench: Path) -> LaunchConfig:
    """Return how to start the small model's server."""
    return _launch_config(bench, "tiny", "--model", "tiny", "--cache-dir", str(bench / "ours"))


def _launch_config(bench: Path, name: str, *arguments: str) -> LaunchConfig:
    command = (
        sys.executable,
        "-m",
        "bind_inference",
        "--http-host",
        "127.0.0.1",
        "--http-port",
        "{port}",
        *arguments,
    )
    needs = 1.0 if name == "tiny" else _NEEDS_GIB
    return LaunchConfig(name, command, bench, environment([SOURCES]), bench / "logs" / f"{name}.log", needs)
