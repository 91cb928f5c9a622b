"""The generated CRD on a real API server: every rule refuses with its message, defaults and columns work."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pydantic import BaseModel

from bind_operator.api import parse_resource
from bind_operator.api.base import PROFILED
from bind_operator.api.rules import RULES
from integration.apiserver import ApiServer
from support.resources import BEFORE_PROFILES, BREACHES, UNSET, merged, tiny_resource

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLES = sorted((Path(__file__).parents[2] / "manifests/samples").glob("*.yaml"))
BY_NAME = {rule.name: rule for rule in RULES}


def test_every_rule_has_a_case() -> None:
    assert sorted(BREACHES) == sorted(BY_NAME)


@pytest.mark.parametrize("rule", BREACHES)
def test_breach_is_refused_with_field_and_remedy(apiserver: ApiServer, rule: str) -> None:
    manifest = merged(tiny_resource("breach"), BREACHES[rule])
    message = apiserver.refusal("create", "--dry-run=server", "-f", "-", manifest=manifest)
    assert BY_NAME[rule].message in message


@pytest.mark.parametrize("field", ["storage", "cache", "class"])
def test_what_a_volume_is_asked_for_can_be_put_back(apiserver: ApiServer, field: str) -> None:
    ask: Callable[[str], Any] = {
        "storage": lambda size: {
            "weaviate": {"storage": {"size": size, "storageClassName": f"c-{size.lower()}"}}
        },
        "cache": lambda size: {"inference": {"model": {"cache": {"size": size}}}},
        "class": lambda size: {"inference": {"model": {"cache": {"storageClassName": f"c-{size.lower()}"}}}},
    }[field]
    manifests = [
        merged(tiny_resource(f"back-{field}"), {"spec": ask(size)}) for size in ("1Gi", "2Gi", "1Gi")
    ]
    for manifest in manifests:
        apiserver.kubectl("apply", "-f", "-", manifest=manifest)
    apiserver.kubectl("delete", "bv", f"back-{field}")


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"spec": {"inference": {"replicas": 65}}}, "spec.inference.replicas"),
        ({"spec": {"inference": {"replicas": -1}}}, "spec.inference.replicas"),
        ({"spec": {"weaviate": {"replicas": 0}}}, "spec.weaviate.replicas"),
        ({"spec": {"weaviate": {"storage": {"size": "big"}}}}, "spec.weaviate.storage.size"),
        ({"spec": {"device": "TPU"}}, "spec.device"),
        ({"spec": {"inference": {"model": {"name": "Huge"}}}}, "spec.inference.model.name"),
        ({"spec": {"inference": {"modle": {}}}}, "spec.inference.modle"),
        ({"spec": {"inference": {"model": {"precision": "fp8"}}}}, "spec.inference.model.precision"),
        (
            {"spec": {"inference": {"model": {"weights": {"existingClaim": {"path": "x"}}}}}},
            "spec.inference.model.weights.existingClaim.name",
        ),
        (
            {"spec": {"inference": {"model": {"weights": {"image": {"path": "x"}}}}}},
            "spec.inference.model.weights.image.reference",
        ),
        ({"spec": {"device": "CUDA", "gpu": {"count": 0}}}, "spec.gpu.count"),
        ({"spec": {"inference": {"batching": {"maxBatchSize": -1}}}}, "spec.inference.batching.maxBatchSize"),
        (
            {"spec": {"inference": {"extraEnv": [{"name": "A", "valueFrom": {"secretRef": {"name": "s"}}}]}}},
            "valueFrom",
        ),
        (
            {
                "spec": {
                    "inference": {"extraEnv": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s"}}}]}
                }
            },
            "spec.inference.extraEnv[0].valueFrom.secretKeyRef.key",
        ),
    ],
)
def test_wrong_value_is_refused_with_its_field(
    apiserver: ApiServer, patch: dict[str, Any], field: str
) -> None:
    manifest = merged(tiny_resource("wrong"), patch)
    assert field in apiserver.refusal("create", "--dry-run=server", "-f", "-", manifest=manifest)


def test_spec_is_required(apiserver: ApiServer) -> None:
    manifest = tiny_resource("no-spec")
    del manifest["spec"]
    assert "spec: Required value" in apiserver.refusal("create", "-f", "-", manifest=manifest)


def test_the_defaults_of_the_models_are_filled_in(apiserver: ApiServer) -> None:
    manifest = tiny_resource("defaults") | {"spec": {"inference": {"model": {"licenseAccepted": True}}}}
    text = apiserver.kubectl("create", "--dry-run=server", "-o", "yaml", "-f", "-", manifest=manifest)
    spec = yaml.safe_load(text)["spec"]
    assert spec == _set_fields(parse_resource(manifest).spec)
    assert "device" not in spec
    assert spec["inference"]["resources"] == {}


def _set_fields(model: BaseModel) -> dict[str, Any]:
    """Return what is set in `model`, by the API's names: no None, and no empty list or map of the user's.

    Nor what a profile may set: that has no default in the definition.
    """
    fields = {
        field.alias: getattr(model, name)
        for name, field in type(model).model_fields.items()
        if PROFILED not in (field.json_schema_extra or {})
    }
    return {
        alias: _set_fields(value) if isinstance(value, BaseModel) else value
        for alias, value in fields.items()
        if alias is not None and value not in (None, [], {})
    }


def test_null_and_plain_numbers_are_taken(apiserver: ApiServer) -> None:
    patch = {
        "spec": {
            "inference": {"resources": {"requests": {"cpu": 1}, "limits": {"cpu": 2}}},
            "weaviate": {"storage": {"storageClassName": None}},
        }
    }
    apiserver.kubectl("create", "--dry-run=server", "-f", "-", manifest=merged(tiny_resource("plain"), patch))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_sample_is_taken(apiserver: ApiServer, sample: Path) -> None:
    apiserver.kubectl("create", "--dry-run=server", "-f", str(sample))


def test_columns_show_the_status(apiserver: ApiServer) -> None:
    apiserver.kubectl("create", "-f", "-", manifest=tiny_resource("columns"))
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "InSync",
        "message": "",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    status = {
        "conditions": [ready],
        "device": "CPU",
        "replicas": "1/1",
        "endpoints": {"http": "http://columns-weaviate.default.svc", "grpc": "g", "inference": "i"},
    }
    patch = yaml.safe_dump({"status": status})
    apiserver.kubectl("patch", "bv", "columns", "--subresource=status", "--type=merge", "-p", patch)
    header, row = apiserver.kubectl("get", "bv", "columns").splitlines()
    assert header.split() == ["NAME", "READY", "REASON", "DEVICE", "REPLICAS", "URL", "AGE"]
    assert row.split()[:6] == [
        "columns",
        "True",
        "InSync",
        "CPU",
        "1/1",
        "http://columns-weaviate.default.svc",
    ]
    assert "PROFILE" in apiserver.kubectl("get", "bv", "columns", "-o", "wide").splitlines()[0]
    apiserver.kubectl("delete", "bv", "columns")


def test_what_an_older_definition_filled_in_can_be_unset(apiserver: ApiServer) -> None:
    """So a resource that was made before profiles comes under one."""
    apiserver.kubectl("create", "-f", "-", manifest=merged(tiny_resource("older"), BEFORE_PROFILES))
    apiserver.kubectl("patch", "bv", "older", "--type=merge", "-p", UNSET)
    spec = apiserver.get("bv", "older")["spec"]
    assert "device" not in spec
    assert "replicas" not in spec["inference"]
    assert "precision" not in spec["inference"]["model"]
    assert spec["inference"]["resources"] == {}
    apiserver.kubectl("delete", "bv", "older")
