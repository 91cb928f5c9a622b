"""From manifests to resources, and what is said of those that are none."""

from typing import Any

import pytest

from bind_operator.api import parse_resource
from bind_operator.api.spec import Weaviate
from bind_operator.errors import InvalidSpec
from support.resources import merged, tiny_resource


def test_defaults() -> None:
    spec = parse_resource(tiny_resource("t")).spec
    assert spec.weaviate == Weaviate()
    assert spec.inference.resources.limits == {"memory": "12Gi"}
    assert spec.gpu is None


def test_plain_numbers_are_quantities() -> None:
    patch = {"spec": {"inference": {"resources": {"requests": {"cpu": 1}, "limits": {"cpu": 1.5}}}}}
    resources = parse_resource(merged(tiny_resource("t"), patch)).spec.inference.resources
    assert (resources.requests, resources.limits) == ({"cpu": "1"}, {"cpu": "1.5"})


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "misspelt field": (
        {"spec": {"inference": {"modle": {}}}},
        "spec.inference.modle: no such field; remove it or check its spelling",
    ),
    "no quantity": (
        {"spec": {"weaviate": {"storage": {"size": "big"}}}},
        "spec.weaviate.storage.size: must be a quantity; write it as 500m, 2 or 2Gi",
    ),
    "unknown device": ({"spec": {"device": "TPU"}}, "spec.device: Input should be 'CPU' or 'CUDA'"),
    "too many replicas": (
        {"spec": {"inference": {"replicas": 65}}},
        "spec.inference.replicas: Input should be less than or equal to 64",
    ),
    "nameless variable": (
        {"spec": {"inference": {"extraEnv": [{"value": "x"}]}}},
        "spec.inference.extraEnv[0].name: is required; set it",
    ),
    "another kind": ({"kind": "Pod"}, "kind: Input should be 'BindVectorizer'"),
    "another version": (
        {"apiVersion": "bindvectorizer.dev/v2"},
        "apiVersion: Input should be 'bindvectorizer.dev/v1alpha1'",
    ),
}


@pytest.mark.parametrize(("patch", "message"), CASES.values(), ids=CASES)
def test_fault_names_the_field(patch: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_resource(merged(tiny_resource("t"), patch))
    assert str(refused.value) == message


def test_spec_is_required() -> None:
    manifest = tiny_resource("t")
    del manifest["spec"]
    with pytest.raises(InvalidSpec, match="spec: is required; set it"):
        parse_resource(manifest)
