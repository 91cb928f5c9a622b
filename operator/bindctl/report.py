"""Findings are told to a person in lines, and to a program as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bindctl.judge import Outcome, Verdict
from bindctl.sources import Broken, Manifest

Judged = tuple[Manifest, Verdict]


@dataclass(frozen=True)
class Findings:
    """It is all that was judged in one run."""

    judged: Sequence[Judged]
    broken: Sequence[Broken]

    @property
    def refused(self) -> int:
        """So many resources are refused."""
        return sum(verdict.outcome is Outcome.REFUSED for _, verdict in self.judged)

    @property
    def resources(self) -> int:
        """So many resources were judged."""
        return len(self.judged) - self.others

    @property
    def others(self) -> int:
        """So many objects are of kinds that are not judged."""
        return sum(verdict.outcome is Outcome.OTHER for _, verdict in self.judged)


def as_text(findings: Findings) -> str:
    """Return a line for each fault, as editors take them (file:line: …), and one that sums up."""
    lines = [f"{one.source}:{one.line}: {one.message}" for one in findings.broken]
    for manifest, verdict in findings.judged:
        lines += [f"{manifest.source}:{line}: {field}: {message}" for line, field, message in verdict.faults]
    return "\n".join([*lines, _summary(findings)]) + "\n"


def as_json(findings: Findings) -> str:
    """Return the same for a program."""
    resources = [
        {
            "file": manifest.source,
            "line": manifest.line,
            "name": verdict.name,
            "outcome": verdict.outcome,
            "faults": [
                dict(zip(("line", "field", "message"), fault, strict=True)) for fault in verdict.faults
            ],
        }
        for manifest, verdict in findings.judged
        if verdict.outcome is not Outcome.OTHER
    ]
    unreadable = [{"file": one.source, "line": one.line, "message": one.message} for one in findings.broken]
    return (
        json.dumps({"resources": resources, "unreadable": unreadable, "others": findings.others}, indent=2)
        + "\n"
    )


def _summary(findings: Findings) -> str:
    resources, refused = findings.resources, findings.refused
    said = [f"{_counted(resources, 'resource')}: {resources - refused} valid, {refused} refused"]
    if findings.broken:
        said.append(f"{_counted(len(findings.broken), 'file')} unreadable")
    if findings.others:
        said.append(f"{_counted(findings.others, 'object')} of other kinds not judged")
    return "; ".join(said)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
