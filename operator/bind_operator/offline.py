"""Resources become values or manifests without a cluster, byte for byte those that the operator writes."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from bind_operator.api.delivery import SourceKind, ValuesSource
from bind_operator.api.identity import KIND
from bind_operator.cluster.profiles import load_book
from bind_operator.errors import InvalidSpec, OperatorError, ProfileMissing
from bind_operator.goyaml import Unreadable, read_documents
from bind_operator.policy.facts import Key
from bind_operator.policy.profiles import resolve
from bind_operator.release.chart import load_chart
from bind_operator.release.helm import Helm
from bind_operator.release.sources import read_source
from bind_operator.release.values import RenderedValues, render_values
from bind_operator.settings import Settings

Manifest = Mapping[str, Any]

WHERE = "among the manifests"


def render_file(name: str, text: str, settings: Settings, *, manifests: bool = False) -> str:
    """Return the values of each BindVectorizer in `text`, parted by `---` where there are several.

    manifests: return the objects of their releases in place of the values. What `spec.valuesFrom` names has
    to stand beside them. name: the file's, for messages.
    Raises InvalidSpec, ChartUnreadable or another OperatorError, whose message names the file.
    """
    found = _read(name, text)
    render = render_objects if manifests else render_one
    try:
        rendered = [render(one, found, settings) for one in found if one.get("kind") == KIND]
        # Helm begins each object with the mark.
        return ("" if manifests else "---\n").join(rendered)
    except ProfileMissing as error:
        raise InvalidSpec(f"{name}: {error}; --profiles-dir names the folder of the profiles") from error
    except OperatorError as error:
        raise type(error)(f"{name}: {error}") from error


def _read(name: str, text: str) -> list[Manifest]:
    """Return the manifests in `text`, one of which at least is a BindVectorizer. Raises InvalidSpec."""
    try:
        manifests = [document.data for document in read_documents(text)]
    except Unreadable as error:
        raise InvalidSpec(f"{name}:{error.line}: {error}") from error
    kinds = [one.get("kind", "none") if isinstance(one, dict) else "none" for one in manifests]
    strange = sorted({str(kind) for kind in kinds} - {KIND, *SourceKind})
    if strange or KIND not in kinds:
        held = f" of kind {', '.join(strange)}" if strange else ""
        raise InvalidSpec(
            f"{name}: holds {len(manifests)} manifests{held}; give BindVectorizers, and the ConfigMaps of "
            "their spec.valuesFrom"
        )
    return manifests


def render_one(manifest: Manifest, manifests: Sequence[Manifest], settings: Settings) -> str:
    """Return the values of one BindVectorizer. manifests: among them is what its `spec.valuesFrom` names.

    Raises InvalidSpec, ChartUnreadable or another OperatorError.
    """
    return _render(manifest, manifests, settings)[1].text


def render_objects(manifest: Manifest, manifests: Sequence[Manifest], settings: Settings) -> str:
    """Return the objects of the release of one BindVectorizer, as `helm template` prints them.

    manifests: as for the values. Raises HelmFailed where there is no Helm, and what `render_one` raises.
    """
    key, values = _render(manifest, manifests, settings)
    helm = Helm(settings.helm, load_chart(settings.chart_dir), None, settings.helm_timeout_s, max_runs=1)
    return asyncio.run(helm.template(key, values))


def _render(
    manifest: Manifest, manifests: Sequence[Manifest], settings: Settings
) -> tuple[Key, RenderedValues]:
    try:
        book = load_book(settings.profiles_dir)
    except OSError as error:
        raise InvalidSpec(f"setting profiles_dir: {settings.profiles_dir}: {error.strerror}") from error
    resource, _, _ = resolve(manifest, book, is_stored=False)
    named = (
        read_source(index, source, _find(source, resource.metadata.namespace, manifests), where=WHERE)
        for index, source in enumerate(resource.spec.values_from)
    )
    layers = [layer for layer in named if layer is not None]
    chart = load_chart(settings.chart_dir)
    values = render_values(resource, settings.images, chart, settings.operator_peers, layers)
    return Key(resource.metadata.namespace, resource.metadata.name), values


def _find(source: ValuesSource, namespace: str, manifests: Sequence[Manifest]) -> Manifest | None:
    """Return the object that `source` names; one without a namespace is in that of the resource."""
    for one in manifests:
        metadata = one.get("metadata") or {}
        place = metadata.get("namespace", namespace), metadata.get("name")
        if one.get("kind") == source.kind and place == (namespace, source.name):
            return one
    return None
