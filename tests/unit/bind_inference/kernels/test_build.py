"""Kernels are compiled when one of them is missing, and not when all are there."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
KERNELS = Path("inference/bind_inference/kernels")
FILES = ("requirements/uv.txt", "requirements/dev.txt", "local/venv.sh", "pyproject.toml", "hatch_build.py")
SOURCES = ("build.sh", "rows.c", "rows.h")
# In place of gcc: it writes a line into the file that follows -o.
COMPILER = '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho compiled >"$2"\n'
# What the other two steps of the script would have left.
STAMPS = """
cd "$1"
cat requirements/uv.txt requirements/dev.txt local/venv.sh | sha256sum >.venv/installed
{ pwd; cat pyproject.toml hatch_build.py local/venv.sh; } | sha256sum >.venv/project
"""


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout of which everything is made but the kernels."""
    for file in (*FILES, *(KERNELS / name for name in SOURCES)):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    for name in ("python", "bind-operator"):
        program(tmp_path / ".venv/bin" / name, "#!/bin/sh\nexit 1\n")
    program(tmp_path / "cc", COMPILER)
    subprocess.run(["bash", "-c", STAMPS, "bash", tmp_path], check=True)
    return tmp_path


def make(checkout: Path) -> str:
    env = {**os.environ, "CC": str(checkout / "cc")}
    script = checkout / "local/venv.sh"
    return subprocess.run(["bash", script], env=env, capture_output=True, text=True, check=True).stdout


def test_one_library_that_is_missing_is_compiled(checkout: Path) -> None:
    listed = subprocess.run(
        [checkout / KERNELS / "build.sh", "--list"], capture_output=True, text=True, check=True
    )
    libraries = [checkout / KERNELS / name for name in listed.stdout.split()]
    assert not any(library.exists() for library in libraries)
    assert "kernels of the inference server -- cached" not in make(checkout)
    assert all(library.exists() for library in libraries)
    assert "kernels of the inference server -- cached" in make(checkout)
    for library in libraries:
        library.unlink()
        assert "kernels of the inference server -- cached" not in make(checkout)
        assert library.exists()


def test_the_server_looks_for_a_library_that_is_compiled() -> None:
    from bind_inference.kernels.library import FOLDER, fitting

    listed = subprocess.run([FOLDER / "build.sh", "--list"], capture_output=True, text=True, check=True)
    assert f"rows-{fitting()}.so" in listed.stdout.split()
