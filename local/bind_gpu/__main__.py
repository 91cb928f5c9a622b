"""`python -m bind_gpu`: measure the engine on the first GPU and write docs/benchmarks-gpu.md anew.

`--check` only says whether there is a GPU that does.
"""

import argparse
import sys
from importlib.util import find_spec


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="bind_gpu", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which GPU is there")
    arguments = parser.parse_args()
    if find_spec("torch") is None:
        raise SystemExit(
            f"{sys.executable} has no torch; name a Python that has: make test-gpu PYTHON=/path/to/python3"
        )
    if arguments.check:
        import torch

        from bind_gpu.card import first_gpu

        print(f"GPU: {torch.cuda.get_device_name(first_gpu())}")
    else:
        from bind_gpu.run import measure

        measure()


if __name__ == "__main__":
    main()
