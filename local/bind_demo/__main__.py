"""`python -m bind_demo` runs the whole demo, or only its client half against a Weaviate that is there."""

import argparse
import sys
import warnings
from collections.abc import Sequence

with warnings.catch_warnings(record=True):  # authlib's, about its own use of httpx: no reader can act on it
    import weaviate  # noqa: F401  (imported first, so that its warnings end here)

from pydantic import ValidationError
from rich.console import Console

from bind_demo.client.demo import run_client_demo
from bind_demo.client.endpoint import Endpoint
from bind_demo.errors import DemoError
from bind_demo.run import run_demo
from bind_demo.settings import Cluster, Settings

PLAIN_WIDTH = 150
"""Columns where there is no terminal: enough for the table's rows to stay on one line each."""


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 if every search found what it should."""
    args = _parser().parse_args(argv)
    console = Console() if sys.stdout.isatty() else Console(width=PLAIN_WIDTH)
    try:
        if args.command == "search":
            right = run_client_demo(console, Endpoint(args.host, args.http_port, args.grpc_port))
        else:
            right = run_demo(console, _settings(args))
    except DemoError as error:
        console.print(f"error: {error}", style="red", markup=False, highlight=False)
        console.print(f"to do: {error.remedy}", markup=False, highlight=False)
        return 1
    if not right:
        console.print("failed: a search did not find what it should (the rows marked FAIL)", style="red")
    return 0 if right else 1


def _settings(args: argparse.Namespace) -> Settings:
    given = {"kube": args.kube, "registry": args.registry, "assume_yes": args.yes or None}
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = "; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors())
        raise DemoError(f"wrong setting: {wrong}", "correct it, or leave it out") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bind_demo", description=__doc__)
    fields = Settings.model_fields
    parser.add_argument("--kube", choices=[c.value for c in Cluster], help=fields["kube"].description)
    parser.add_argument("--registry", help=fields["registry"].description)
    parser.add_argument("--yes", action="store_true", help=fields["assume_yes"].description)
    commands = parser.add_subparsers(dest="command")
    search = commands.add_parser("search", help="import and search only, in a Weaviate with multi2vec-bind")
    search.add_argument("--host", default="127.0.0.1")
    search.add_argument("--http-port", type=int, default=8080)
    search.add_argument("--grpc-port", type=int, default=50051)
    return parser


if __name__ == "__main__":
    sys.exit(main())
