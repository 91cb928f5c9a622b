"""Builds BindVectorizer manifests, and a breach of each of their rules."""

import copy
from typing import Any

Manifest = dict[str, Any]


def tiny_resource(name: str, namespace: str = "default") -> Manifest:
    """Return a valid resource with the Tiny model."""
    return {
        "apiVersion": "bindvectorizer.dev/v1alpha1",
        "kind": "BindVectorizer",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"inference": {"model": {"name": "Tiny"}}},
    }


def merged(base: Manifest, patch: Manifest) -> Manifest:
    """Return `base` with `patch` merged in: maps merge, all else is replaced."""
    result = copy.deepcopy(base)
    for key, value in patch.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def _inference(**fields: Any) -> Manifest:
    return {"spec": {"inference": fields}}


def _weaviate(**fields: Any) -> Manifest:
    return {"spec": {"weaviate": fields}}


def _weights(**fields: Any) -> Manifest:
    return _inference(model={"weights": fields})


BREACHES: dict[str, Manifest] = {
    "name-is-short": {"metadata": {"name": "a" * 41}},
    "name-is-a-label": {"metadata": {"name": "my.search"}},
    "gpu-needs-cuda": {"spec": {"gpu": {"count": 1}}},
    "gpu-resource-name": {"spec": {"device": "CUDA", "gpu": {"resourceName": "gpu"}}},
    "gpu-is-not-a-plain-resource": _inference(resources={"limits": {"nvidia.com/gpu": 1}}),
    "licence-is-accepted": _inference(model={"name": "ImageBindHuge"}),
    "float16-needs-cuda": _inference(model={"precision": "float16"}),
    "int8-needs-cpu": {"spec": {"device": "CUDA", "inference": {"model": {"precision": "int8"}}}},
    "weights-have-one-source": _weights(existingClaim={"name": "kept"}, image={"reference": "r.local/w:1"}),
    "weights-claim-name": _weights(existingClaim={"name": "Kept"}),
    "weights-claim-path": _weights(existingClaim={"name": "kept", "path": "/models"}),
    "weights-image-reference": _weights(image={"reference": "https://r.local/w:1 "}),
    "weights-image-path": _weights(image={"reference": "r.local/w:1", "path": "a/../../etc"}),
    "weights-have-a-checksum": _inference(model={"weights": {"url": "https://example.org/w.pth"}}),
    "weights-url": _inference(model={"weights": {"url": "/data/w.pth", "sha256": "0" * 64}}),
    "weights-sha256": _inference(model={"weights": {"url": "https://example.org/w.pth", "sha256": "abc"}}),
    "inference-limits": _inference(resources={"limits": {"memory": "1Gi"}}),
    "inference-env-is-free": _inference(extraEnv=[{"name": "BIND_MODEL", "value": "Tiny"}]),
    "inference-env-names": _inference(extraEnv=[{"name": "a-b", "value": ""}]),
    "inference-env-once": _inference(
        extraEnv=[{"name": "A", "value": "1"}, {"name": "B"}, {"name": "A", "value": "2"}]
    ),
    "inference-env-value-or-source": _inference(
        extraEnv=[{"name": "A", "value": "", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    ),
    "inference-env-one-source": _inference(extraEnv=[{"name": "A", "valueFrom": {}}]),
    "inference-env-texts": _inference(extraEnv=[{"name": "A", "value": "a\x85b"}]),
    "inference-image-registry": _inference(image={"registry": "https://ghcr.io"}),
    "inference-image-repository": _inference(image={"repository": "/bind-inference:0.1.0"}),
    "inference-image-tag": _inference(image={"tag": "sha256:0"}),
    "inference-image-digest": _inference(image={"digest": "sha256:0"}),
    "weaviate-version": _weaviate(version="v1.35.2"),
    "weaviate-limits": _weaviate(resources={"requests": {"memory": "8Gi"}}),
    "weaviate-env-is-free": _weaviate(env={"ENABLE_MODULES": "text2vec-openai"}),
    "weaviate-env-of-the-chart": _weaviate(env={"RAFT_JOIN": "search-weaviate-0"}),
    "weaviate-env-of-the-gate": _weaviate(env={"MODULES_VALIDATE_BASE_URL": "true"}),
    "weaviate-env-texts": _weaviate(env={"A": "\x7f"}),
    "weaviate-env-names": _weaviate(env={"a-b": ""}),
    "weaviate-image-registry": _weaviate(image={"registry": "cr.weaviate.io/semitechnologies"}),
    "ignored-paths-are-pointers": {"spec": {"driftDetection": {"ignore": [{"paths": ["spec.replicas"]}]}}},
    "weaviate-image-repository": _weaviate(image={"repository": "Weaviate"}),
}
"""A patch of `tiny_resource` by the name of the one rule that it breaks."""
