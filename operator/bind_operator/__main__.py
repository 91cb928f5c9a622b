"""The command line can `run` the operator, or `render` resources without a cluster.

Settings are flags (`--log-level DEBUG`) or environment variables (`BIND_OPERATOR_LOG_LEVEL=DEBUG`).
"""

import argparse
import asyncio
import sys
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import SettingsError

from bind_operator.errors import InvalidSpec, InvalidValues, OperatorError, ValuesSourceMissing
from bind_operator.logs import configure_logging
from bind_operator.offline import render_file
from bind_operator.release.chart import ChartUnreadable
from bind_operator.settings import Settings

BAD_INPUT = 2


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status, 2 for a bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m bind_operator", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="run the operator", add_help=False)
    render = commands.add_parser("render", help="print the values of a resource's release")
    render.add_argument(
        "file",
        help="manifests of BindVectorizers and of the ConfigMaps that they name, or - for standard input",
    )
    render.add_argument(
        "--manifests",
        action="store_true",
        help="print the objects of the release in place of the values; Helm has to be there (--helm)",
    )
    known, rest = parser.parse_known_args(arguments)
    try:
        settings = _read_settings(rest, known.command)
        if known.command == "run":
            return _run(settings)
        sys.stdout.write(_render(known.file, settings, manifests=known.manifests))
    except (InvalidSpec, InvalidValues, ValuesSourceMissing, ChartUnreadable) as error:
        sys.stderr.write(f"{error}\n")
        return BAD_INPUT
    except OperatorError as error:
        sys.stderr.write(f"{error.reason}: {error}\n")
        return 1
    return 0


def _read_settings(flags: list[str], command: str) -> Settings:
    """Return the settings. Raises InvalidSpec that names each wrong setting."""
    try:
        return Settings(_cli_parse_args=flags, _cli_prog_name=f"python -m bind_operator {command}")
    except ValidationError as error:
        faults = [f"setting {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise InvalidSpec("\n".join(faults)) from error
    except SettingsError as error:
        raise InvalidSpec(f"settings: {error}") from error


def _run(settings: Settings) -> int:
    # Only here: rendering needs no Kubernetes client, and its import takes a second.
    from bind_operator.run import SettingUnusable, run_operator

    configure_logging(settings.log_level)
    try:
        asyncio.run(run_operator(settings))
    except SettingUnusable as error:
        raise InvalidSpec(str(error)) from error
    return 0


def _render(file: str, settings: Settings, *, manifests: bool) -> str:
    """Return the values, or manifests, of the resources in `file`.

    Raises ChartUnreadable or an OperatorError.
    """
    name = "standard input" if file == "-" else file
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSpec(f"{name}: cannot be read: {error}; give the path of a manifest") from error
    return render_file(name, text, settings, manifests=manifests)


if __name__ == "__main__":
    sys.exit(main())
