"""`python -m bind_image COMMAND`: the pins of the image for CPUs, and the torch in it."""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bind_image.errors import Unknown
from bind_image.requirements import for_cpus
from bind_image.slim import slim

WORKS = """
import torch
assert not torch.cuda.is_available() and torch.version.cuda is None
assert torch.nn.functional.linear(torch.ones(2, 3), torch.ones(4, 3)).sum() == 24
assert torch.linalg.inv(torch.eye(3)).trace() == 3
"""


def main(argv: Sequence[str]) -> int:
    """Run one command; return its status."""
    parser = argparse.ArgumentParser(prog="python -m bind_image", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    pins = commands.add_parser("pins", help="print a requirements file without what only GPUs need")
    pins.add_argument("file", type=Path)
    pins.add_argument("--without", default="", help="a package more that is left out")
    pins.add_argument("--only", default="", help="the one package that is kept")
    made = commands.add_parser("slim", help="take from an installed torch what a CPU never loads")
    made.add_argument("python", type=Path, help="the Python in whose environment torch is installed")
    args = parser.parse_args(argv)
    if args.command == "pins":
        text = args.file.read_text(encoding="utf-8")
        sys.stdout.write(for_cpus(text, without=args.without, only=args.only))
        return 0
    try:
        print("\n".join(slim(_torch(args.python))))
        _see_it_work(args.python)
    except Unknown as error:
        print(f"error: torch is not as it was when this was written: {error}", file=sys.stderr)
        return 1
    return 0


def _torch(python: Path) -> Path:
    """Return the folder of the torch that a Python has."""
    command: list[str | Path] = [python, "-c", "import sysconfig; print(sysconfig.get_path('platlib'))"]
    return Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip(), "torch")


def _see_it_work(python: Path) -> None:
    """Import torch with every symbol looked up at once, and compute. Raises Unknown."""
    done = subprocess.run(
        [python, "-c", WORKS],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LD_BIND_NOW": "1"},
    )
    if done.returncode:
        raise Unknown(f"it does not work without what was left out:\n{done.stderr.strip()}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
