"""The pins of the image for CPUs: those of the image with CUDA, less what only GPUs need."""

from pathlib import Path

import pytest

from bind_image.requirements import for_cpus

ROOT = Path(__file__).parents[3]
TEXT = """\
# made by hand
cuda-bindings==13.3.1 ; sys_platform == 'linux' \\
    --hash=sha256:0a
    # via torch
numpy==2.4.6 \\
    --hash=sha256:0b \\
    --hash=sha256:0c
nvidia-cublas==13.1.1.3 \\
    --hash=sha256:0d
torch==2.13.0 \\
    --hash=sha256:0e
triton==3.7.1 \\
    --hash=sha256:0f
"""
NUMPY = "numpy==2.4.6 \\\n    --hash=sha256:0b \\\n    --hash=sha256:0c\n"
TORCH = "torch==2.13.0 \\\n    --hash=sha256:0e\n"


def test_pins_go_with_their_hashes() -> None:
    assert for_cpus(TEXT) == f"# made by hand\n{NUMPY}{TORCH}"


def test_torch_is_installed_apart() -> None:
    assert for_cpus(TEXT, without="torch") == f"# made by hand\n{NUMPY}"
    assert for_cpus(TEXT, only="torch") == f"# made by hand\n{TORCH}"


@pytest.mark.parametrize("name", ["torch", "inference"])
def test_of_the_pins_of_the_image_nothing_else_goes(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8")
    names = {line.partition("==")[0] for line in text.splitlines() if "==" in line and line[0].isalpha()}
    kept = {line.partition("==")[0] for line in for_cpus(text).splitlines() if "==" in line}
    gone = names - kept
    assert kept < names
    assert {name for name in gone if not name.startswith(("nvidia-", "cuda-"))} == {"triton"}
