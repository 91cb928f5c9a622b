"""The operator remembers what the data was served with, in the status and on the claims that hold it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import ValidationError

from bind_operator.api.identity import GROUP
from bind_operator.api.spec import Weaviate
from bind_operator.api.status import Remembered, VectorSpaceStatus, WeaviateStatus
from bind_operator.policy.facts import Workload
from bind_operator.policy.guards import Change, Running, changed_space
from bind_operator.policy.objects import Object
from bind_operator.policy.vector_space import Space, deployed_space, same_space

MEMORY_ANNOTATION = f"{GROUP}/remembered"
"""The claim of the first Weaviate pod bears it, so that a new resource of the name knows what the data is."""

Part = TypeVar("Part", bound=Remembered)


@dataclass(frozen=True)
class Memory:
    """It is what the data was last served with."""

    weaviate: WeaviateStatus | None = None
    vector_space: VectorSpaceStatus | None = None

    def to_text(self) -> str:
        """Return it as it stands on a claim."""
        parts = {"weaviate": self.weaviate, "vectorSpace": self.vector_space}
        written = {
            name: part.model_dump(mode="json", by_alias=True, exclude_none=True)
            for name, part in parts.items()
            if part is not None
        }
        return json.dumps(written, sort_keys=True, separators=(",", ":"))


NOTHING_KNOWN = Memory()


def recall(status: Mapping[str, Any], claim: Object | None) -> Memory:
    """Return what the status remembers; where it has nothing, what the first Weaviate pod's claim does."""
    memory = _read(status)
    text = claim["metadata"].get("annotations", {}).get(MEMORY_ANNOTATION, "") if claim is not None else ""
    if memory.weaviate is not None or not text:
        return memory
    try:
        kept = _read(json.loads(text))
    except (ValueError, TypeError, AttributeError):
        return memory
    return Memory(kept.weaviate, memory.vector_space or kept.vector_space)


def running_of(
    memory: Memory,
    weaviate: Workload | None,
    stateful_set: Object | None,
    inference: Workload | None,
    deployment: Object | None,
) -> Running:
    """Return what runs: what is remembered, else what can be read from workloads whose pods are all ready."""
    running = Running()
    if memory.weaviate is not None:
        found = memory.weaviate
        running = Running(found.version, found.replicas, weaviate_since=found.since)
    elif stateful_set is not None and weaviate is not None and weaviate.is_rolled_out:
        running = Running(_tag(stateful_set), weaviate.wanted)
    if memory.vector_space is not None:
        space = memory.vector_space
        return replace(running, space=_space(space), space_since=space.since)
    if deployment is not None and inference is not None and inference.is_rolled_out and inference.wanted:
        return replace(running, space=deployed_space(deployment))
    return running


def remember_weaviate(previous: WeaviateStatus | None, wanted: Weaviate, now: str) -> WeaviateStatus:
    """Return what Weaviate runs with, all of its pods being ready. now: RFC 3339, UTC."""
    if previous is not None and (previous.version, previous.replicas) == (wanted.version, wanted.replicas):
        return previous
    return WeaviateStatus(version=wanted.version, replicas=wanted.replicas, since=now)


def remember_space(
    previous: VectorSpaceStatus | None, space: Space, fingerprint: str | None, now: str
) -> tuple[VectorSpaceStatus, Change | None]:
    """Return the space that the collections are filled under, and the change if the server's is another.

    space: by the spec of the release that is verified. fingerprint: the server's own word, None if unknown.
    """
    fresh = fresh_space(space, fingerprint, now)
    if previous is None or _space(previous) != space:
        return fresh, None
    if fingerprint is None or previous.fingerprint == fingerprint:
        return previous, None
    if previous.fingerprint is None:
        return previous.model_copy(update={"fingerprint": fingerprint}), None
    if same_space(previous.fingerprint, fingerprint):
        return previous, None
    return previous, changed_space(previous.fingerprint, fingerprint, previous.since)


def fresh_space(space: Space, fingerprint: str | None, now: str) -> VectorSpaceStatus:
    """Return a space that is remembered from now on."""
    return VectorSpaceStatus(
        model=space.model,
        weights=space.weights,
        precision=space.precision,
        text_truncation=space.text_truncation,
        fingerprint=fingerprint,
        since=now,
    )


def _space(status: VectorSpaceStatus) -> Space:
    return Space(status.model, status.weights, status.precision, status.text_truncation)


def _read(status: Mapping[str, Any]) -> Memory:
    return Memory(
        _part(WeaviateStatus, status.get("weaviate")), _part(VectorSpaceStatus, status.get("vectorSpace"))
    )


def _part(model: type[Part], value: object) -> Part | None:
    """Return what an earlier operator wrote; None if this one cannot read it."""
    if value is None:
        return None
    try:
        return model.model_validate(value)
    except ValidationError:
        return None


def _tag(stateful_set: Object) -> str | None:
    """Return the tag of Weaviate's image."""
    containers = stateful_set.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])
    image = next((one.get("image", "") for one in containers if one.get("name") == "weaviate"), "")
    tag: str = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    return tag or None
