"""A person or a program is told what a compose file cannot have, and which keys it wants."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from bindctl.compose.services import Project


@dataclass(frozen=True)
class Gap:
    """It is a field of the resource that docker compose cannot have."""

    file: str
    line: int
    field: str
    message: str


def as_lines(project: Project, gaps: Sequence[Gap]) -> list[str]:
    """Return a line for each gap, as editors take them, and one for each key."""
    lines = [f"{gap.file}:{gap.line}: {gap.field}: {gap.message}" for gap in gaps]
    wanted = sorted(project.variables.items())
    return lines + [f"wanted in .env: {name}: entry {entry} of {source}" for name, (source, entry) in wanted]


def as_json(text: str, project: Project, gaps: Sequence[Gap]) -> str:
    """Return the same, and the file, as one document."""
    variables = [
        {"name": name, "object": source, "entry": entry}
        for name, (source, entry) in sorted(project.variables.items())
    ]
    told = {"compose": text, "gaps": [asdict(gap) for gap in gaps], "variables": variables}
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"
