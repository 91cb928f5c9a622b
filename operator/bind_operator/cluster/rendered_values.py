"""The values that are rendered for somebody else are a ConfigMap, which goes with its resource."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bind_operator.api.identity import API_VERSION, GROUP, KIND
from bind_operator.cluster.client import KubeClient
from bind_operator.errors import ForeignOwner
from bind_operator.policy.facts import Key
from bind_operator.policy.names import CHART, OPERATOR, rendered_name
from bind_operator.policy.objects import COMPONENT_LABEL, INSTANCE_LABEL, NAME_LABEL, Object

VALUES_KEY = "values.yaml"
CHART_ANNOTATION = f"{GROUP}/chart"
DIGEST_ANNOTATION = f"{GROUP}/digest"


@dataclass
class RenderedConfigMaps:
    """It keeps the ConfigMaps. A call may raise ApiUnavailable, ApiConflict or ApiRefused."""

    client: KubeClient

    async def apply(self, key: Key, raw: Object, text: str, digest: str, chart: str) -> bool:
        """Bring the ConfigMap of resource `raw` to `text`; return whether it was another.

        Raises ForeignOwner if one of its name is somebody else's.
        """
        wanted = _build(key, raw, text, digest, chart)
        found = await self.client.read(_path(key))
        if found is None:
            await self.client.create(_list_path(key), wanted)
            return True
        if not _is_owned(found, raw):
            raise ForeignOwner(
                f"ConfigMap {rendered_name(key.name)} was not made by this operator; remove it or give this "
                "resource another name"
            )
        if _holds(found, wanted):
            return False
        others = dict.fromkeys(set(found.get("data") or {}) - {VALUES_KEY})
        await self.client.patch(_path(key), wanted | {"data": wanted["data"] | others})
        return True

    async def delete(self, key: Key, raw: Object) -> None:
        """Delete the ConfigMap of resource `raw`, if there is one."""
        found = await self.client.read(_path(key))
        if found is not None and _is_owned(found, raw):
            await self.client.delete(_path(key), {"preconditions": {"uid": found["metadata"]["uid"]}})


def _build(key: Key, raw: Object, text: str, digest: str, chart: str) -> dict[str, Any]:
    owner = {"apiVersion": API_VERSION, "kind": KIND, "name": key.name, "uid": raw["metadata"]["uid"]}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": rendered_name(key.name),
            "namespace": key.namespace,
            # Not those of the resource: a GitOps tool would take the object for one of its own, and prune it.
            "labels": {
                NAME_LABEL: CHART,
                INSTANCE_LABEL: key.name,
                COMPONENT_LABEL: "values",
                "app.kubernetes.io/managed-by": OPERATOR,
            },
            "annotations": {CHART_ANNOTATION: chart, DIGEST_ANNOTATION: digest},
            "ownerReferences": [owner | {"controller": True}],
        },
        "data": {VALUES_KEY: text},
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


def _path(key: Key) -> str:
    return f"{_list_path(key)}/{rendered_name(key.name)}"
