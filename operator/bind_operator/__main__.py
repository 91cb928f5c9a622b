"""The command line can `run` the operator, or `render` a resource's values without a cluster.

Settings are flags (`--log-level DEBUG`) or environment variables (`BIND_OPERATOR_LOG_LEVEL=DEBUG`).
"""

import argparse
import asyncio
import sys
from pathlib import Path

import yaml
from pydantic import ValidationError
from pydantic_settings import SettingsError

from bind_operator.cluster.profiles import load_book
from bind_operator.errors import InvalidSpec, OperatorError, ProfileMissing
from bind_operator.logs import configure_logging
from bind_operator.policy.profiles import resolve
from bind_operator.release.chart import ChartUnreadable, load_chart
from bind_operator.release.values import render_values
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
    render.add_argument("file", help="manifest of one BindVectorizer, or - for standard input")
    known, rest = parser.parse_known_args(arguments)
    try:
        settings = _read_settings(rest, known.command)
        if known.command == "run":
            return _run(settings)
        sys.stdout.write(_render(known.file, settings))
    except (InvalidSpec, ChartUnreadable) as error:
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


def _render(file: str, settings: Settings) -> str:
    """Return the values file of the one resource in `file`. Raises InvalidSpec or RenderFailed."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        manifests = [manifest for manifest in yaml.safe_load_all(text) if manifest is not None]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSpec(f"{file}: cannot be read: {error}; give the path of a manifest") from error
    except yaml.YAMLError as error:
        raise InvalidSpec(f"{file}: is not YAML: {error}") from error
    if len(manifests) != 1 or not isinstance(manifests[0], dict):
        raise InvalidSpec(f"{file}: holds {len(manifests)} manifests; give one BindVectorizer")
    try:
        book = load_book(settings.profiles_dir)
    except OSError as error:
        raise InvalidSpec(f"setting profiles_dir: {settings.profiles_dir}: {error.strerror}") from error
    try:
        resource, _, _ = resolve(manifests[0], book, is_stored=False)
    except ProfileMissing as error:
        raise InvalidSpec(f"{error}; --profiles-dir names the folder of the profiles") from error
    return render_values(
        resource, settings.images, load_chart(settings.chart_dir), settings.operator_peers
    ).text


if __name__ == "__main__":
    sys.exit(main())
