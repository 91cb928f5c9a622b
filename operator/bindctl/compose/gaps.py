"""Some fields of a resource mean nothing on one machine; those that it sets are named."""

from collections.abc import Iterator, Mapping
from typing import Any

_POD = {
    "nodeSelector": "there is one machine",
    "tolerations": "there is one machine",
    "affinity": "there is one machine",
    "topologySpreadConstraints": "there is one machine",
    "priorityClassName": "nothing is scheduled",
    "serviceAccount": "a container is nobody to a cloud; give it credentials by its environment",
    "podAnnotations": "containers have none; add labels to the file",
    "extraVolumes": "add them to the services' volumes",
    "extraVolumeMounts": "add them to the services' volumes",
    "image.pullSecrets": "docker login keeps the credentials of a registry",
    "image.pullPolicy": "docker compose pull fetches images anew",
}
_GAPS = {
    **{f"inference.{field}": said for field, said in _POD.items()},
    **{f"weaviate.{field}": said for field, said in _POD.items()},
    "gpu.resourceName": "Docker knows GPUs, and no parts of them by such a name",
    "gpu.runtimeClassName": "Docker's own NVIDIA runtime gives the GPU",
    "gpu.resourceClaims": "name the devices in deploy.resources.reservations.devices",
    "inference.autoscaling": "there is one server; docker compose up --scale inference=2 makes two",
    "inference.rollout": "docker compose stops a container before it starts the next",
    "inference.model.cache.size": "a volume has no size",
    "inference.model.cache.storageClassName": "a volume is a folder of the machine",
    "inference.model.cache.accessMode": "a volume is a folder of the machine",
    "inference.model.cache.scope": "all servers share one volume",
    "weaviate.storage.size": "a volume has no size",
    "weaviate.storage.storageClassName": "a volume is a folder of the machine",
    "weaviate.service": "ports are on the loopback address unless WEAVIATE_ADDRESS says otherwise",
    "weaviate.expose": "put a proxy before the port, which also ends TLS",
    "weaviate.backup.schedule": "nobody begins backups; ask Weaviate for one",
    "weaviate.backup.filesystem.size": "a volume has no size",
    "weaviate.restoreFrom": "nobody restores; ask Weaviate to restore the backup",
    "network": "the addresses are Docker's",
    "networkPolicy": "containers reach each other, and only published ports are reached from outside",
    "podUser": "users are those of the file",
    "commonLabels": "add labels to the file",
    "commonAnnotations": "add labels to the file",
    "deletionPolicy": "docker compose down keeps the volumes, and with --volumes it deletes them",
    "driftDetection": "docker compose up puts back what was changed",
    "takeoverPolicy": "there is no operator",
    "remediation": "there is no operator",
    "delivery": "there is no operator",
    "suspend": "there is no operator",
}


def gaps_of(spec: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path of each field that is set and that docker compose cannot have, and what to do."""
    for field, said in _GAPS.items():
        path = tuple(field.split("."))
        node: Any = spec
        for part in path:
            node = node.get(part) if isinstance(node, Mapping) else None
        if node not in (None, False, {}, []):
            yield ("spec", *path), said
    replicas = (spec.get("weaviate") or {}).get("replicas")
    if isinstance(replicas, int) and replicas > 1:
        yield ("spec", "weaviate", "replicas"), "one Weaviate runs on one machine"
