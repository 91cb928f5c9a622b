"""Starts the program that an installation puts on the PATH, or says what it lacks."""

import sys


def main() -> int:
    """Run `bind-operator`; return its exit status, 1 where a package of its extra is not installed."""
    try:
        from bind_operator.__main__ import main as run

        return run()
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("bind_"):
            raise
        sys.stderr.write(
            f"bind-operator needs {error.name}, which is not here: pip install 'bindvectorizer[operator]'\n"
        )
        return 1
