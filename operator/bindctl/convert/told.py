"""A conversion is told to a person in lines, and to a program as JSON."""

import json

from bindctl.convert.conversion import Conversion


def notes_as_text(conversion: Conversion) -> str:
    """Return a line for each note, as editors take them (file:line: …)."""
    return "".join(
        f"{note.source}:{note.line}: {note.level}: {note.field}: {note.message}\n"
        for note in conversion.notes
    )


def as_json(conversion: Conversion) -> str:
    """Return the resource and all notes for a program."""
    notes = [
        {
            "file": note.source,
            "line": note.line,
            "field": note.field,
            "level": note.level,
            "message": note.message,
        }
        for note in conversion.notes
    ]
    told = {"resource": conversion.manifest, "notes": notes, "faults": list(conversion.faults)}
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"
