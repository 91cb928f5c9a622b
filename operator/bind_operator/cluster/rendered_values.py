"""Values and manifests for somebody else are ConfigMaps, which go with their resource."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bind_operator.api.identity import API_VERSION, GROUP, KIND
from bind_operator.cluster.client import KubeClient
from bind_operator.errors import ForeignOwner
from bind_operator.policy.facts import Key
from bind_operator.policy.names import CHART, OPERATOR, rendered_name
from bind_operator.policy.objects import COMPONENT_LABEL, INSTANCE_LABEL, NAME_LABEL, Object

CHART_ANNOTATION = f"{GROUP}/chart"
DIGEST_ANNOTATION = f"{GROUP}/digest"
SUM_ANNOTATION = f"{GROUP}/sha256"
"""It is of the text. It saves a run of Helm at each look, which would give the same again."""


class What(StrEnum):
    """A ConfigMap holds one of these, under its name and `.yaml`, and is named after it."""

    VALUES = "values"
    MANIFESTS = "manifests"

    @property
    def entry(self) -> str:
        """The key in the ConfigMap."""
        return f"{self}.yaml"


@dataclass
class RenderedConfigMaps:
    """It keeps the ConfigMaps. A call may raise ApiUnavailable, ApiConflict or ApiRefused."""

    client: KubeClient

    async def apply(
        self, key: Key, raw: Object, text: str, digest: str, chart: str, what: What = What.VALUES
    ) -> bool:
        """Bring the ConfigMap of resource `raw` to `text`; return whether it was another.

        Raises ForeignOwner if one of its name is somebody else's.
        """
        wanted = _build(key, raw, text, digest, chart, what)
        path = _path(key, what)
        found = await self.client.read(path)
        if found is None:
            await self.client.create(_list_path(key), wanted)
            return True
        if not _is_owned(found, raw):
            raise ForeignOwner(
                f"ConfigMap {rendered_name(key.name, what)} was not made by this operator; remove it or give "
                "this resource another name"
            )
        if _holds(found, wanted):
            return False
        others = dict.fromkeys(set(found.get("data") or {}) - {what.entry})
        await self.client.patch(path, wanted | {"data": wanted["data"] | others})
        return True

    async def is_current(self, key: Key, raw: Object, digest: str, what: What) -> bool:
        """Return whether the ConfigMap has what was rendered of that digest, and nobody has edited it."""
        found = await self.client.read(_path(key, what))
        if found is None or not _is_owned(found, raw):
            return False
        annotations = found["metadata"].get("annotations") or {}
        text = (found.get("data") or {}).get(what.entry, "")
        said = annotations.get(DIGEST_ANNOTATION), annotations.get(SUM_ANNOTATION)
        return said == (digest, _sum(text))

    async def delete(self, key: Key, raw: Object, what: What = What.VALUES) -> None:
        """Delete the ConfigMap of resource `raw`, if there is one."""
        path = _path(key, what)
        found = await self.client.read(path)
        if found is not None and _is_owned(found, raw):
            await self.client.delete(path, {"preconditions": {"uid": found["metadata"]["uid"]}})


def _build(key: Key, raw: Object, text: str, digest: str, chart: str, what: What) -> dict[str, Any]:
    owner = {"apiVersion": API_VERSION, "kind": KIND, "name": key.name, "uid": raw["metadata"]["uid"]}
    sums = {SUM_ANNOTATION: _sum(text)} if what is What.MANIFESTS else {}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": rendered_name(key.name, what),
            "namespace": key.namespace,
            # Not those of the resource: a GitOps tool would take the object for one of its own, and prune it.
            "labels": {
                NAME_LABEL: CHART,
                INSTANCE_LABEL: key.name,
                COMPONENT_LABEL: str(what),
                "app.kubernetes.io/managed-by": OPERATOR,
            },
            "annotations": {CHART_ANNOTATION: chart, DIGEST_ANNOTATION: digest, **sums},
            "ownerReferences": [owner | {"controller": True}],
        },
        "data": {what.entry: text},
    }


def _holds(found: Object, wanted: Mapping[str, Any]) -> bool:
    """Return whether nothing of `wanted` is missing; labels and annotations of others may stand beside."""
    metadata, mine = found["metadata"], wanted["metadata"]
    return found.get("data") == wanted["data"] and all(
        mine[part].items() <= (metadata.get(part) or {}).items() for part in ("labels", "annotations")
    )


def _is_owned(found: Object, raw: Object) -> bool:
    owners = found["metadata"].get("ownerReferences", [])
    return any(owner["uid"] == raw["metadata"]["uid"] for owner in owners)


def _list_path(key: Key) -> str:
    return f"/api/v1/namespaces/{key.namespace}/configmaps"


def _path(key: Key, what: What) -> str:
    return f"{_list_path(key)}/{rendered_name(key.name, what)}"


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
