"""Ends a program of ours, with a status that tells how it went."""

import os
import shutil
import sys
from collections.abc import Callable
from multiprocessing.util import get_temp_dir
from typing import NoReturn

from bind_inference.settings import InvalidSetting


def exit_status(program: str, run: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Return the exit status of `run`: 2 for a wrong setting, which `program` names on standard error."""
    try:
        return run(arguments)
    except InvalidSetting as error:
        sys.stderr.write(f"{program}: {error}\n")
        return 2


def end(status: int) -> NoReturn:
    """End the process at once, with `status`."""
    # The fork server's socket is there; multiprocessing removes it in an exit that we do not wait for.
    shutil.rmtree(get_temp_dir(), ignore_errors=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # no waiting for a decoder or a forward pass whose client has its response
