"""A manifest is judged offline as by the API server: kind, fields, values, metadata and every rule."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from bind_operator.api.crd import build_crd
from bind_operator.api.evaluation import broken_in
from bind_operator.api.identity import API_VERSION, GROUP, KIND, VERSION
from bind_operator.api.parse import dotted
from bind_operator.goyaml import Document, Path
from bindctl.metadata import judge_metadata, name_of
from bindctl.structure import Fault, fill_defaults, unknown_fields, wrong_values


class Outcome(StrEnum):
    """It is what became of a manifest."""

    VALID = "valid"
    REFUSED = "refused"
    OTHER = "other"
    """It is of another kind, or no object at all, which is not judged here."""


@dataclass(frozen=True)
class Verdict:
    """It is what the API server says to one object, as far as that can be known without a cluster."""

    outcome: Outcome
    name: str
    faults: tuple[tuple[int, str, str], ...] = ()
    """Each is a line, a field and what to do."""


def judge(document: Document, root: Path = ()) -> Verdict:
    """Return the verdict on the object at `root` in `document`."""
    manifest = document.at(root)
    if not isinstance(manifest, dict) or not _is_ours(manifest):
        return Verdict(Outcome.OTHER, "")
    version, kind = manifest.get("apiVersion"), manifest.get("kind")
    faults = list(_judge_kind(version, kind)) or list(judge_object(manifest))
    faults += [
        Fault(path[len(root) :], "stands twice in one map; remove one")
        for path, _ in document.doubled
        if path[: len(root)] == root
    ]
    outcome = Outcome.REFUSED if faults else Outcome.VALID
    return Verdict(outcome, name_of(manifest.get("metadata")), tuple(sorted(_placed(document, root, faults))))


def judge_object(manifest: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what the API server refuses a BindVectorizer for when it is created with strict fields."""
    schema = _schema()
    yield from unknown_fields({key: value for key, value in manifest.items() if key != "metadata"}, schema)
    metadata = list(judge_metadata(manifest.get("metadata")))
    yield from (Fault(("metadata", *fault.path), fault.message) for fault in metadata)
    # The API server drops the status of an object that is made.
    made = {key: value for key, value in manifest.items() if key != "status"}
    made = fill_defaults(made, schema)
    wrong = list(wrong_values({key: value for key, value in made.items() if key != "metadata"}, schema))
    yield from wrong
    if not wrong and not metadata:
        named = {"name": name_of(manifest.get("metadata"))}
        for rule in broken_in({**made, "metadata": named}):
            yield Fault(tuple(rule.field.split(".")), rule.message.removeprefix(f"{rule.field} "))


def _is_ours(manifest: Mapping[str, Any]) -> bool:
    """Return whether an object is meant to be a BindVectorizer, by its group or by its kind."""
    return str(manifest.get("apiVersion")).partition("/")[0] == GROUP or manifest.get("kind") == KIND


def _judge_kind(version: object, kind: object) -> Iterator[Fault]:
    if version != API_VERSION:
        yield Fault(
            ("apiVersion",),
            f"must be {API_VERSION}, {'not ' + str(version) if version else 'but is not set'}",
        )
    if kind != KIND:
        yield Fault(("kind",), f"must be {KIND}, {'not ' + str(kind) if kind else 'but is not set'}")


@cache
def _schema() -> Mapping[str, Any]:
    (version,) = (one for one in build_crd()["spec"]["versions"] if one["name"] == VERSION)
    return version["schema"]["openAPIV3Schema"]  # type: ignore[no-any-return]


def _placed(document: Document, root: Path, faults: list[Fault]) -> tuple[tuple[int, str, str], ...]:
    doubled = dict(document.doubled)
    return tuple(
        (
            doubled.get((*root, *fault.path), document.line_of((*root, *fault.path))),
            dotted(fault.path) or "the object",
            fault.message,
        )
        for fault in faults
    )
