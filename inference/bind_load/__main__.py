"""`bind-load`, also `python -m bind_load`: embed a folder into a Parquet file."""

from __future__ import annotations

import sys

from bind_inference.engine.importing import load_engine
from bind_inference.exit import end, exit_status
from bind_inference.logs import configure_logging
from bind_inference.scheduling.cpus import limit_libraries
from bind_inference.settings import InvalidSetting
from bind_load import PROGRAM


def embed_folder(arguments: list[str]) -> int:
    """Embed a folder into a Parquet file; return the exit status. Raises InvalidSetting."""
    try:
        from bind_load.command import run_load
        from bind_load.settings import read_settings
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in {"pyarrow", "rich", "wcmatch"}:
            raise
        raise InvalidSetting(
            f"{error.name} is not installed: pip install '.[inference,load]' in a checkout"
        ) from error
    settings = read_settings(arguments)
    # On a terminal the bar shows what the log would.
    configure_logging("WARNING" if sys.stderr.isatty() else settings.log_level)
    return run_load(settings, load_engine)


def main(arguments: list[str]) -> int:
    """Run the program; return the exit status, 2 for a wrong setting."""
    limit_libraries()
    return exit_status(PROGRAM, embed_folder, arguments)


if __name__ == "__main__":
    end(main(sys.argv[1:]))
