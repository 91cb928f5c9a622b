"""Old backups of one resource are removed from the place that the environment names.

What came of it is printed, and written for the operator as the container's last words.
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path

from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError

from bind_operator.api.rules.backup import PERIOD_PATTERN
from bind_operator.errors import InvalidSpec
from bind_operator.policy.retention import Rule, StoredBackup, judge, own_ids, read_period
from bind_operator.policy.retention_report import Report, time_text
from bind_operator.retention.places import PLACES, open_place
from bind_operator.retention.stored import StoredBackups

REFUSED = re.compile(r"status code: 40[13]\b")
LAST_WORDS = Path("/dev/termination-log")


def main(arguments: list[str] | None = None) -> int:
    """Remove what is due; return 1 where that failed."""
    options = _read(arguments)
    rule = Rule(options.keep_last, read_period(options.keep_for) if options.keep_for else None)
    removed: list[str] = []
    try:
        backups = StoredBackups(*open_place(options.place, os.environ))
        kept = _prune(backups, options.prefix, rule, removed, is_dry=options.dry_run)
        oldest = min(kept, key=lambda one: one.time, default=None)
        report = Report(len(kept), time_text(oldest.time) if oldest else None, tuple(removed))
    except (BaseError, OSError, InvalidSpec) as error:
        report = Report(None, None, tuple(removed), fault=_words(error, options.place))
    sys.stdout.write(f"{report.text()}\n")
    if options.last_words.exists():
        options.last_words.write_text(report.text(), encoding="utf-8")
    return 1 if report.fault else 0


def _prune(
    backups: StoredBackups, prefix: str, rule: Rule, removed: list[str], *, is_dry: bool
) -> list[StoredBackup]:
    """Remove what is due, adding each to `removed`; return the good backups that are left."""
    now = time.time()
    names = backups.names()
    own = [backups.read(id_, now) for id_ in own_ids(names, prefix)]
    for removal in judge(own, rule, now, backups.bases(names)):
        if is_dry or backups.remove(removal.id, now):
            removed.append(removal.id)
            verb = "would be removed" if is_dry else "removed"
            sys.stdout.write(f"{removal.id} {verb}: {removal.why}\n")
    return [one for one in own if one.status == "SUCCESS" and one.id not in removed]


def _read(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bind_operator.retention", description=__doc__)
    parser.add_argument("--place", required=True, choices=PLACES, help="where the backups lie")
    parser.add_argument("--prefix", required=True, help="how their ids begin, as NAMESPACE_NAME_")
    parser.add_argument("--keep-last", type=int, help="so many good ones are kept")
    parser.add_argument("--keep-for", help="good ones are kept so long, such as 36h, 30d or 4w")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be removed, and remove nothing"
    )
    parser.add_argument(
        "--last-words", type=Path, default=LAST_WORDS, help="file for the report; none where it is not there"
    )
    options = parser.parse_args(arguments)
    if options.keep_for and not re.match(PERIOD_PATTERN, options.keep_for):
        parser.error("--keep-for must be a number and h, d or w, such as 30d")
    if options.keep_last is not None and options.keep_last < 1:
        parser.error("--keep-last must be 1 or more")
    return options


def _words(error: Exception, place: str) -> str:
    """Return what failed in one sentence, and what to do about it."""
    said = failure_words(str(error))
    # Of a list that is refused the library has no error of its own.
    is_refused = REFUSED.search(str(error)) is not None
    if is_refused or isinstance(error, PermissionDeniedError | UnauthenticatedError | PermissionError):
        remedy = "let the credentials list, read and delete objects there (on S3: ListBucket, GetObject, "
        remedy += "DeleteObject), or correct them"
    elif isinstance(error, NotFoundError | FileNotFoundError):
        remedy = f"is spec.weaviate.backup.{place} right, and the place there?"
    else:
        remedy = f"correct spec.weaviate.backup.{place}, or its Secret"
    return f"{said}; {remedy}"


def failure_words(text: str) -> str:
    """Return what the server says, or the library, in the same words each time: without times and ids."""
    code, message = (re.search(f"<{tag}>([^<\n]+)", text) for tag in ("Code", "Message"))
    if code is not None:
        return code[1].strip() + (f": {message[1].strip()}" if message else "")
    said = " ".join(text.split("Debug source:")[0].split())
    return re.sub(r" in [\d.]+(ns|µs|ms|s)\b|, after \d+ retries.*?(?= - )", "", said)


if __name__ == "__main__":
    sys.exit(main())
