"""Starts the programs that an installation puts on the PATH: `bind-inference` and `bind-load`.

Each is `python -m` of its package instead of a call of its `main`. A process that multiprocessing starts
runs the script of its parent first, and would import the whole server with it: a decoder would take 45 MB
instead of 15.
"""

import runpy
import sys


def serve() -> None:
    """Run `python -m bind_inference`; this does not return."""
    _run("bind_inference")


def load() -> None:
    """Run `python -m bind_load`; this does not return."""
    _run("bind_load")


def _run(package: str) -> None:
    """Run a package; end with status 1 where a package of its extra is not installed."""
    try:
        runpy.run_module(package, run_name="__main__", alter_sys=True)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("bind_"):
            raise
        program = package.replace("_", "-")
        sys.exit(f"{program} needs {error.name}, which is not here: pip install 'bindvectorizer[inference]'")
