"""Defaults, then the profile, then what the resource says itself."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from bind_operator.api import parse_resource
from bind_operator.api.model import Precision
from bind_operator.api.spec import Device
from bind_operator.errors import InvalidSpec, ProfileInvalid, ProfileMissing, ProfileUnfit
from bind_operator.policy.profiles import (
    AppliedProfile,
    ProfileBook,
    changed_profiles,
    profile_news,
    read_book,
    read_profile,
    resolve,
)
from bind_operator.release.chart import load_chart
from bind_operator.release.values import render_values
from bind_operator.settings import Images
from support.charts import CHARTS
from support.profiles import shipped_profiles
from support.resources import BEFORE_PROFILES, merged, tiny_resource

FAST: dict[str, Any] = {
    "device": "CUDA",
    "gpu": {"resourceName": "nvidia.com/mig-1g.10gb", "runtimeClassName": "nvidia"},
    "nodeSelector": {"gpu": "t4"},
    "tolerations": [{"key": "gpu", "operator": "Exists"}],
    "resources": {"requests": {"cpu": "4", "memory": "6Gi"}, "limits": {"memory": "16Gi"}},
    "precision": "bfloat16",
    "batching": {"maxBatchGflop": 2600},
    "replicas": {"min": 2, "max": 4},
    "nodeWaitSeconds": 60,
}


def book(**profiles: Any) -> ProfileBook:
    return read_book({name: yaml.safe_dump(one) for name, one in ({"fast": FAST} | profiles).items()})


def resolved(spec: dict[str, Any], known: ProfileBook | None = None) -> Any:
    manifest = merged(tiny_resource("t"), {"spec": {"profile": "fast"} | spec})
    resource, _, applied = resolve(manifest, known or book(), is_stored=True)
    assert applied is not None
    return resource.spec, applied


def test_what_neither_says_has_its_default() -> None:
    spec, _ = resolved({}, book(fast={"device": "CPU"}))
    assert spec.inference == parse_resource(tiny_resource("t")).spec.inference


def test_the_profile_goes_before_the_defaults() -> None:
    spec, applied = resolved({})
    assert spec.device is Device.CUDA
    assert (spec.gpu.resource_name, spec.gpu.runtime_class_name) == ("nvidia.com/mig-1g.10gb", "nvidia")
    inference = spec.inference
    assert inference.resources.requests == {"cpu": "4", "memory": "6Gi"}
    assert (inference.model.precision, inference.replicas) == (Precision.BFLOAT16, 2)
    assert inference.node_selector == {"gpu": "t4"}
    assert [one.key for one in inference.tolerations] == ["gpu"]
    assert inference.batching.max_batch_gflop == 2600
    assert (applied.overridden, applied.node_wait_s) == ((), 60)


def test_the_resource_goes_before_the_profile() -> None:
    own = {
        "replicas": 3,
        "resources": {"requests": {"cpu": "8"}, "limits": {"memory": "16Gi"}},
        "model": {"precision": "float32"},
        "nodeSelector": {"zone": "a"},
        "tolerations": [{"key": "mine"}],
    }
    spec, applied = resolved({"inference": own, "gpu": {"count": 2}})
    inference = spec.inference
    assert (inference.replicas, inference.model.precision) == (3, Precision.FLOAT32)
    assert inference.resources.requests == {"cpu": "8", "memory": "6Gi"}
    assert inference.node_selector == {"gpu": "t4", "zone": "a"}
    assert [one.key for one in inference.tolerations] == ["gpu", "mine"]
    assert (spec.gpu.resource_name, spec.gpu.count) == ("nvidia.com/mig-1g.10gb", 2)
    assert applied.overridden == (
        "spec.inference.model.precision",
        "spec.inference.replicas",
        "spec.inference.resources.requests.cpu",
    )


def test_null_says_nothing() -> None:
    spec, applied = resolved({"device": None, "inference": {"replicas": None}})
    assert (spec.device, spec.inference.replicas, applied.overridden) == (Device.CUDA, 2, ())


CLAIM = {"name": "gpu", "resourceClaimTemplateName": "one"}


def test_claims_of_the_resource_replace_the_profiles_count() -> None:
    spec, _ = resolved({"gpu": {"resourceClaims": [CLAIM]}})
    assert (spec.gpu.resource_name, spec.gpu.runtime_class_name) == (None, "nvidia")
    assert spec.gpu.resource_claims[0].name == "gpu"


def test_a_count_of_the_resource_replaces_the_profiles_claims() -> None:
    known = book(fast={"device": "CUDA", "gpu": {"resourceClaims": [CLAIM]}})
    assert resolved({}, known)[0].gpu.resource_claims
    assert resolved({"gpu": {"count": 2}}, known)[0].gpu.resource_claims == []


def test_without_a_profile_none_is_applied() -> None:
    resource, _, applied = resolve(tiny_resource("t"), ProfileBook(), is_stored=True)
    assert (resource, applied) == (parse_resource(tiny_resource("t")), None)


def rendered(manifest: dict[str, Any]) -> str:
    resource, _, _ = resolve(manifest, ProfileBook(), is_stored=True)
    return render_values(resource, Images(), load_chart(CHARTS / "weaviate-bind")).text


def test_what_an_older_definition_filled_in_renders_the_same_values() -> None:
    assert rendered(merged(tiny_resource("t"), BEFORE_PROFILES)) == rendered(tiny_resource("t"))


def test_a_missing_profile_names_those_that_there_are() -> None:
    with pytest.raises(ProfileMissing) as error:
        resolved({"profile": "slow"}, book(other={"device": "CPU"}))
    assert "spec.profile is slow, but the operator has no such profile" in str(error.value)
    assert "set spec.profile to one of fast, other;" in str(error.value)


def test_one_bad_profile_harms_no_other() -> None:
    known = book(bad={"device": "TPU"})
    assert resolved({}, known)[0].device is Device.CUDA
    with pytest.raises(ProfileInvalid) as error:
        resolved({"profile": "bad"}, known)
    assert str(error.value).startswith("profile bad of the operator cannot be used: device: Input should be")
    assert "mends profiles.bad in the values of its chart, or choose another: fast" in str(error.value)


def autoscaled(least: int, most: int) -> dict[str, Any]:
    """Return a spec whose pods need no weights."""
    autoscaling = {"minReplicas": least, "maxReplicas": most, "target": {"queueDepth": 8}}
    return {"inference": {"autoscaling": autoscaling, "model": {"name": "Tiny"}}}


FAULTS: dict[str, tuple[str, Any, str]] = {
    "no YAML": ("x", "device: [", "it is not YAML"),
    "a date that there is not": ("x", "device: 2026-13-45", "it is not YAML: month must be"),
    "no map": ("x", [1], "the manifest: Input should be"),
    "another name": ("X_1", {"device": "CPU"}, "its name must be of a-z"),
    "no device": ("x", {}, "device: is required; set it"),
    "a field that there is not": ("x", {"device": "CPU", "gpus": 1}, "gpus: no such field"),
    "no quantity": (
        "x",
        {"device": "CPU", "resources": {"limits": {"memory": "much"}}},
        "must be a quantity",
    ),
    "a label that is a number": ("x", {"device": "CPU", "nodeSelector": {"a": 8}}, "nodeSelector.a: Input"),
    "float16 on a CPU": (
        "x",
        {"device": "CPU", "precision": "float16"},
        "precision: precision float16 is for",
    ),
    "a GPU on a CPU": ("x", {"device": "CPU", "gpu": {"count": 1}}, "gpu: gpu is only used with device CUDA"),
    "no extended resource": ("x", {"device": "CUDA", "gpu": {"resourceName": "gpu"}}, "gpu.resourceName: "),
    "limits below requests": (
        "x",
        {"device": "CPU", "resources": {"requests": {"cpu": 2}, "limits": {"cpu": 1}}},
        "resources.limits: resources.limits must not be below requests",
    ),
    "bounds that cross": (
        "x",
        {"device": "CPU", "replicas": {"min": 3, "max": 2}},
        "replicas.min: is 3, above",
    ),
}


@pytest.mark.parametrize("why", FAULTS)
def test_a_bad_profile_is_named_with_its_field(why: str) -> None:
    name, content, message = FAULTS[why]
    with pytest.raises(ProfileInvalid) as error:
        read_profile(name, content if isinstance(content, str) else yaml.safe_dump(content))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"device": "CPU"}, "spec.device is CPU, but profile fast is for CUDA; remove spec.device"),
        ({"inference": {"replicas": 5}}, "spec.inference.replicas is 5, but profile fast allows 2 to 4"),
        ({"inference": {"replicas": 1}}, "allows 2 to 4"),
        (autoscaled(1, 4), "asks for 1 to 4 replicas, but profile fast allows 2 to 4, or none; set"),
        (autoscaled(2, 5), "asks for 2 to 5 replicas"),
        (autoscaled(0, 1), "asks for 0 to 1 replicas"),
    ],
)
def test_what_does_not_fit_the_profile_is_refused(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ProfileUnfit) as error:
        resolved(spec)
    assert message in str(error.value)


def test_an_autoscaler_within_the_bounds_has_the_replicas_of_the_profile() -> None:
    for least, most in ((2, 4), (0, 3), (3, 3)):
        inference = resolved(autoscaled(least, most))[0].inference
        assert inference.replicas == 1
        assert inference.most_replicas == most


def test_no_pods_at_all_are_always_allowed() -> None:
    assert resolved({"inference": {"replicas": 0}})[0].inference.replicas == 0


def test_a_rule_that_both_break_together_names_the_profile() -> None:
    with pytest.raises(InvalidSpec, match=r"^with profile fast: spec\.inference\.resources\.limits: "):
        resolved({"inference": {"resources": {"limits": {"memory": "1Gi"}}}})


def test_the_digest_is_of_what_counts() -> None:
    first = book().known["fast"].digest
    assert book(fast=FAST | {"description": "another word"}).known["fast"].digest == first
    assert book(fast=FAST | {"precision": "float16"}).known["fast"].digest != first


def test_what_changed_is_found() -> None:
    before = book(gone={"device": "CPU"}, spoilt={"device": "CPU"}, same={"device": "CPU"})
    after = book(new={"device": "CPU"}, spoilt={"device": "TPU"}, same={"device": "CPU"})
    after = replace(after, known=dict(after.known) | {"fast": before.known["fast"]})
    assert changed_profiles(before, after) == ["gone", "new", "spoilt"]


APPLIED = AppliedProfile("fast", "new", (), None)


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ({}, False),
        ({"profile": {"name": "slow", "digest": "old"}}, False),
        ({"profile": {"name": "fast", "digest": "new"}}, False),
        ({"profile": {"name": "fast", "digest": "old"}}, True),
    ],
    ids=["first", "another profile", "the same", "changed"],
)
def test_a_changed_profile_is_told(before: dict[str, Any], told: bool) -> None:
    assert bool(profile_news(before, APPLIED)) is told
    assert profile_news(before, None) == ""


SHIPPED = shipped_profiles()


def test_the_shipped_profiles_can_be_used() -> None:
    assert not SHIPPED.faults
    assert sorted(SHIPPED.known) == [
        *("a10", "a100", "a100-mig-1g.10gb", "cpu-large", "cpu-small", "h100", "l4", "t4"),
    ]


@pytest.mark.parametrize("name", SHIPPED.known)
def test_a_shipped_profile_renders_values_that_the_chart_takes(name: str) -> None:
    manifest = merged(tiny_resource("t"), {"spec": {"profile": name}})
    resource, _, _ = resolve(manifest, SHIPPED, is_stored=False)
    render_values(resource, Images(), load_chart(CHARTS / "weaviate-bind"))


@pytest.mark.parametrize("name", SHIPPED.known)
def test_a_shipped_profile_says_whether_its_figures_were_measured(name: str) -> None:
    words = SHIPPED.known[name].profile.description or ""
    assert "easured" in words


def test_a_t4_computes_in_what_it_has() -> None:
    assert SHIPPED.known["t4"].profile.precision is Precision.FLOAT16
