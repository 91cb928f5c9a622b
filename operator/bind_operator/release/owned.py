"""Some values are the operator's: the spec has a field for them, or the release is judged by them."""

from collections.abc import Mapping
from types import MappingProxyType

_BIND = "modules.multi2vec-bind"

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "image": "spec.weaviate.image and spec.weaviate.version",
        "replicas": "spec.weaviate.replicas",
        "clusterNodeName": "spec.weaviate.clusterNodeName",
        "resources": "spec.weaviate.resources",
        "storage": "spec.weaviate.storage and spec.deletionPolicy",
        "env": "spec.weaviate.env",
        "priorityClassName": "spec.weaviate.priorityClassName",
        "nodeSelector": "spec.weaviate.nodeSelector",
        "tolerations": "spec.weaviate.tolerations",
        "affinity": "spec.weaviate.affinity",
        "topologySpreadConstraints": "spec.weaviate.topologySpreadConstraints",
        "service": "spec.weaviate.service",
        "grpcService": "spec.weaviate.service",
        "authentication": "spec.weaviate.authentication",
        "authorization": "spec.weaviate.authentication",
        "mcp": "spec.weaviate.mcp",
        "backups": "spec.weaviate.backup",
        "backupRetention.keepLast": "spec.weaviate.backup.retention",
        "backupRetention.keepFor": "spec.weaviate.backup.retention",
        "backupRetention.suspend": "spec.weaviate.backup.suspend",
        "gate.mode": "spec.weaviate.external",
        "gate.replicas": "spec.weaviate.external",
        "gate.weaviate": "spec.weaviate.external",
        f"{_BIND}.enabled": "spec.inference.external",
        f"{_BIND}.inferenceUrl": "spec.inference.external",
        f"{_BIND}.inferenceCa": "spec.inference.external",
        f"{_BIND}.registry": "spec.inference.image.registry",
        f"{_BIND}.repo": "spec.inference.image.repository",
        f"{_BIND}.tag": "spec.inference.image.tag",
        f"{_BIND}.digest": "spec.inference.image.digest",
        f"{_BIND}.imagePullPolicy": "spec.inference.image.pullPolicy",
        f"{_BIND}.imagePullSecrets": "spec.inference.image.pullSecrets",
        f"{_BIND}.replicas": "spec.inference.replicas",
        f"{_BIND}.autoscaling": "spec.inference.autoscaling",
        f"{_BIND}.rollout": "spec.inference.rollout",
        f"{_BIND}.strategy": "spec.inference.rollout",
        f"{_BIND}.envconfig.enable_cuda": "spec.device",
        f"{_BIND}.gpu": "spec.gpu",
        f"{_BIND}.runtimeClassName": "spec.gpu.runtimeClassName",
        f"{_BIND}.model": "spec.inference.model",
        f"{_BIND}.cache": "spec.inference.model.cache",
        f"{_BIND}.batching": "spec.inference.batching",
        f"{_BIND}.resources": "spec.inference.resources",
        f"{_BIND}.apiKeys": "spec.inference.apiKeys",
        f"{_BIND}.extraEnv": "spec.inference.extraEnv",
        f"{_BIND}.priorityClassName": "spec.inference.priorityClassName",
        f"{_BIND}.nodeSelector": "spec.inference.nodeSelector",
        f"{_BIND}.tolerations": "spec.inference.tolerations",
        f"{_BIND}.affinity": "spec.inference.affinity",
        f"{_BIND}.topologySpreadConstraints": "spec.inference.topologySpreadConstraints",
    }
)
"""A value below the path follows from this field of the spec. Policies read the field."""

OPERATORS_OWN: Mapping[str, str] = MappingProxyType(
    {
        "custom_config_map": "by which Weaviate would not read what the spec says",
        "runtime_overrides": "by which Weaviate's settings would change beside the spec",
        "globalPriorityClassName": "which would go before the spec's priority classes",
        "helmDriver": "which says where the operator's records lie",
        "gate.image": "which is the operator's setting images.gate",
        "backupRetention.image": "which is the operator's own image",
        "gate.port": "by which Weaviate finds the gate",
        "gate.healthPort": "by which the live check finds the gate",
        "gate.large.healthPort": "by which the live check finds the gate",
        "grafanaDashboard.namespace": "where the operator does not look after objects",
    }
)
"""No field of the spec sets these."""

SHARED = (
    "commonLabels",
    "commonAnnotations",
    "annotations",
    f"{_BIND}.annotations",
    "modules.default_vectorizer_module",
)
"""Nothing is judged by these, so that layers may add to what the spec says, or say something else."""


def is_shared(path: tuple[str, ...]) -> bool:
    """Return whether layers may add to what the spec has at `path`."""
    return ".".join(path) in SHARED


def is_owned(path: tuple[str, ...]) -> bool:
    """Return whether the operator alone says what is at `path`."""
    return _owner(path) is not None


def remedy_for_path(path: tuple[str, ...]) -> str:
    """Return the end of a message that `path` may not be set: why, and what to do."""
    owner = _owner(path) or ""
    if owner in OPERATORS_OWN:
        return f"{OPERATORS_OWN[owner]}; remove it"
    if owner in FIELDS:
        return f"which follows from the spec; remove it, and set {FIELDS[owner]}"
    return "which follows from the spec; remove it, and set the field of the spec"


def _owner(path: tuple[str, ...]) -> str | None:
    """Return the longest prefix of `path` that the operator owns."""
    prefixes = (".".join(path[:size]) for size in range(len(path), 0, -1))
    return next((prefix for prefix in prefixes if prefix in FIELDS or prefix in OPERATORS_OWN), None)
