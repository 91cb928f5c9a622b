"""Write docs/reference/bindctl.md from what each command says to --help, or check that it is fresh.

`python -m bindctl.reference [--check]`, from the root of a checkout.
"""

import sys
from pathlib import Path

import click

from bindctl.commands import main as program

PAGE = "docs/reference/bindctl.md"
ROOT = Path(__file__).parents[2]
WIDTH = 100
HEAD = """<!-- made by `make generate`; do not edit -->
# bindctl

`pip install 'bindvectorizer[operator]'` brings the program; `kubectl bind` is the same. How to:
[check resources](../how-to/check.md), [move from weaviate-helm or docker compose](../how-to/convert.md),
[run with docker compose](../how-to/compose.md), [mirror images](../how-to/air-gap.md).
"""


def build_page() -> str:
    """Return the page's text."""
    context = _context(program, None)
    parts = [HEAD, f"\n```text\n{program.get_help(context)}\n```\n"]
    for name in program.list_commands(context):
        command = program.commands[name]
        said = command.get_help(_context(command, context))
        parts.append(f"\n## bindctl {name}\n\n```text\n{said}\n```\n")
    return "".join(parts)


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Run the command; return its exit status: 1 if `--check` finds the page stale."""
    file, text = root / PAGE, build_page()
    is_fresh = file.is_file() and file.read_text(encoding="utf-8") == text
    if arguments == ["--check"]:
        if not is_fresh:
            sys.stdout.write(f"{PAGE}: stale; run `make generate`\n")
        return int(not is_fresh)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return 0


def _context(command: click.Command, parent: click.Context | None) -> click.Context:
    name = "bindctl" if parent is None else command.name
    settings = {**command.context_settings, "max_content_width": WIDTH}
    # Wherever it runs, the lines are as long.
    return click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH, **settings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
