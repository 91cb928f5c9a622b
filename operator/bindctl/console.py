"""Starts the program that an installation puts on the PATH, or says what it lacks."""

import sys


def main() -> int:
    """Run `bindctl`; return its exit status, 1 where a package of its extra is not installed."""
    try:
        from bindctl.commands import main as run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("bind"):
            raise
        sys.stderr.write(
            f"bindctl needs {error.name}, which is not here: pip install 'bindvectorizer[operator]'\n"
        )
        return 1
    # As kubectl's plugin the program has another name than its user typed.
    is_plugin = sys.argv[0].endswith("kubectl-bind")
    run(prog_name="kubectl bind" if is_plugin else "bindctl")
    return 0
