"""`python -m bind_load`, also `python -m bind_inference load`: embed a folder into a Parquet file."""

from __future__ import annotations

import sys

from bind_inference.engine.importing import load
from bind_inference.exit import end, exit_status
from bind_inference.logs import configure_logging
from bind_inference.settings import PROGRAM, InvalidSetting


def load_folder(arguments: list[str]) -> int:
    """Embed a folder into a Parquet file; return the exit status. Raises InvalidSetting."""
    try:
        from bind_load.command import run_load
        from bind_load.settings import load_load_settings
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in {"pyarrow", "rich"}:
            raise
        raise InvalidSetting(
            f"load needs {error.name}, which is not installed: pip install 'bindvectorizer[inference,load]'"
        ) from error
    settings = load_load_settings(arguments)
    # On a terminal the bar tells what the log would.
    configure_logging("WARNING" if sys.stderr.isatty() else settings.log_level)
    return run_load(settings, load)


def main(arguments: list[str]) -> int:
    """Run the program; return the exit status, 2 for a wrong setting."""
    return exit_status(PROGRAM, load_folder, arguments)


if __name__ == "__main__":
    end(main(sys.argv[1:]))
