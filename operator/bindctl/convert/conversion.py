"""Files of another installation are told apart, read as one, and written as a resource."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bind_operator.errors import OperatorError
from bind_operator.goyaml import Document, read_documents
from bind_operator.offline import render_one
from bind_operator.release.chart import ChartUnreadable
from bind_operator.release.yaml_text import to_yaml
from bind_operator.settings import Settings
from bindctl.convert.compose_file import is_compose, read_compose
from bindctl.convert.draft import Draft
from bindctl.convert.helm_values import is_values, read_values
from bindctl.convert.reading import Level, Note, Reading
from bindctl.judge import judge


class Unknown(Exception):
    """The files are neither values of upstream's chart nor a docker compose file."""


@dataclass(frozen=True)
class Choices:
    """They are what no file says."""

    name: str
    namespace: str | None = None
    accepts_license: bool = False
    tiny: bool = False


@dataclass(frozen=True)
class Conversion:
    """It is the resource, what was said on the way, and why it would be refused, if it would."""

    manifest: dict[str, Any]
    notes: tuple[Note, ...]
    faults: tuple[str, ...]

    @property
    def text(self) -> str:
        """The resource as YAML."""
        return to_yaml(self.manifest)

    @property
    def loses(self) -> bool:
        """Something has no counterpart."""
        return any(note.level is Level.LOST for note in self.notes)


def convert(documents: Sequence[tuple[str, Document]], choices: Choices) -> Conversion:
    """Return the resource of the files, later ones laid over earlier ones. Raises Unknown."""
    for name, document in documents:
        if not isinstance(document.data, dict):
            raise Unknown(f"{name}:{document.line}: is no map; give a values file or a docker compose file")
    reading, draft = Reading(documents), Draft(choices.name, choices.namespace)
    if is_compose(reading.data):
        read_compose(reading, draft)
    elif is_values(reading.data):
        read_values(reading, draft)
    else:
        names = ", ".join(name for name, _ in documents)
        raise Unknown(
            f"{names}: is neither a values file of weaviate-helm nor a docker compose file; give one of them"
        )
    _choose_model(draft, choices)
    reading.lose_the_rest()
    manifest = draft.manifest()
    (document,) = read_documents(to_yaml(manifest))
    faults = [f"{field}: {message}" for _, field, message in judge(document).faults]
    if not faults:
        faults += _unrendered(manifest)
    return Conversion(manifest, tuple(reading.sorted_notes()), tuple(faults))


def _unrendered(manifest: dict[str, Any]) -> list[str]:
    """Return why the operator would not render the resource: its `values` are held to the chart."""
    try:
        render_one(manifest, [manifest], Settings())
    except (OperatorError, ChartUnreadable) as error:
        return str(error).splitlines()
    return []


def _choose_model(draft: Draft, choices: Choices) -> None:
    if choices.tiny:
        draft.set("inference.model.name", "Tiny")
        draft.drop("inference.image")
    elif choices.accepts_license:
        draft.set("inference.model.licenseAccepted", True)
