"""Each command ends with 0, 1 or 2, and says of each what it means."""

from typing import NoReturn

import click

REFUSED = 1
UNANSWERED = 2


def statuses(refused: str) -> str:
    """Return the page's section on exit statuses. refused: what 1 means."""
    return f"""
\b
Exit status:
  0  all is well
  1  {refused}
  2  the question could not be answered: a wrong option, a file that is not there
"""


def end(message: str) -> NoReturn:
    """End the program, because the question could not be answered."""
    click.echo(f"error: {message}", err=True)
    raise SystemExit(UNANSWERED)
