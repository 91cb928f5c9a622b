"""From manifests to resources, and what is said of those that are none."""

from typing import Any

import pytest

from bind_operator.api.parse import parse_resource, parse_stored
from bind_operator.api.spec import DeletionPolicy, Weaviate
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


NEWER = {
    "spec": {
        "future": {"depth": 3},
        "inference": {"later": True, "extraEnv": [{"name": "A", "value": "1", "when": "night"}]},
        "weaviate": {"storage": {"tier": "cold"}},
    }
}


def test_a_stored_resource_of_a_newer_definition_is_read_without_what_is_unknown() -> None:
    stored = merged(tiny_resource("t"), NEWER)
    resource, ignored = parse_stored(stored)
    assert ignored == (
        "spec.future",
        "spec.inference.extraEnv[0].when",
        "spec.inference.later",
        "spec.weaviate.storage.tier",
    )
    assert resource.spec.inference.extra_env[0].value == "1"
    assert stored == merged(tiny_resource("t"), NEWER)


def test_a_file_with_an_unknown_field_is_refused() -> None:
    with pytest.raises(InvalidSpec, match=r"spec\.future: no such field"):
        parse_resource(merged(tiny_resource("t"), NEWER))


def test_an_unknown_value_of_a_stored_resource_is_refused_with_its_field() -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_stored(merged(tiny_resource("t"), {"spec": {"future": 1, "device": "TPU"}}))
    assert str(refused.value) == "spec.device: Input should be 'CPU' or 'CUDA'"


def test_a_stored_resource_of_an_older_definition_gets_the_defaults() -> None:
    """The API server filled in nothing of what the older definition did not know."""
    resource, ignored = parse_stored(tiny_resource("t"))
    assert (resource, ignored) == (parse_resource(tiny_resource("t")), ())
    assert resource.spec.deletion_policy is DeletionPolicy.RETAIN
