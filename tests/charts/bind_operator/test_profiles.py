"""The hardware profiles of the values reach the operator as files, and a bad one is refused at once."""

import json
from typing import Any

import pytest

from bind_operator.policy.profiles import read_book
from support.charts import RELEASE, containers, env, pick, refusal, render

CHART = "bind-operator"


def files(*arguments: str) -> dict[str, str]:
    """Return the files that the operator finds."""
    found: dict[str, str] = pick(render(CHART, *arguments), "ConfigMap", "profiles")["data"]
    return {name.removesuffix(".yaml"): text for name, text in found.items()}


def setting(name: str, value: Any) -> tuple[str, str]:
    return "--set-json", f"profiles.{name}={json.dumps(value)}"


def test_every_profile_is_a_file_that_the_operator_can_read() -> None:
    book = read_book(files())
    assert "t4" in book.known
    assert not book.faults


def test_the_operator_looks_where_they_are_mounted() -> None:
    pod = pick(render(CHART), "Deployment")["spec"]["template"]["spec"]
    operator = containers(pod)["operator"]
    (mount,) = [one for one in operator["volumeMounts"] if one["name"] == "profiles"]
    assert env(operator)["BIND_OPERATOR_PROFILES_DIR"] == mount["mountPath"]
    # The kubelet never changes a file that is mounted by itself.
    assert "subPath" not in mount
    (volume,) = [one for one in pod["volumes"] if one["name"] == "profiles"]
    assert volume["configMap"] == {"name": f"{RELEASE}-profiles"}


def test_a_change_of_a_profile_restarts_nothing() -> None:
    changed = setting("t4.precision", "bfloat16")
    assert pick(render(CHART), "Deployment") == pick(render(CHART, *changed), "Deployment")
    assert files() != files(*changed)


def test_a_shipped_profile_can_be_removed_changed_and_joined() -> None:
    found = read_book(
        files(
            *setting("t4", None),
            *setting("l4.nodeSelector", {"nvidia.com/gpu.product": None, "accelerator": "l4"}),
            *setting("mine", {"device": "CPU"}),
        )
    )
    assert "t4" not in found.known
    assert "mine" in found.known
    assert found.known["l4"].profile.node_selector == {"accelerator": "l4"}


BAD: dict[str, tuple[Any, str]] = {
    "another device": ({"device": "TPU"}, "device"),
    "no device": ({"precision": "int8"}, "device"),
    "a field that there is not": ({"device": "CPU", "gpus": 1}, "gpus"),
    "a field of a part that there is not": ({"device": "CUDA", "gpu": {"kind": "x"}}, "kind"),
    "no extended resource": ({"device": "CUDA", "gpu": {"resourceName": "gpu"}}, "resourceName"),
    "too many GPUs": ({"device": "CUDA", "gpu": {"count": 99}}, "count"),
    "no quantity": ({"device": "CPU", "resources": {"limits": {"memory": "much"}}}, "memory"),
    "a label that is a number": ({"device": "CPU", "nodeSelector": {"a": 8}}, "nodeSelector"),
    "another precision": ({"device": "CPU", "precision": "float8"}, "precision"),
    "float16 on a CPU": ({"device": "CPU", "precision": "float16"}, "precision"),
    "int8 on a GPU": ({"device": "CUDA", "precision": "int8"}, "precision"),
    "a GPU on a CPU": ({"device": "CPU", "gpu": {"count": 1}}, "gpu"),
    "claims and a count": (
        {"device": "CUDA", "gpu": {"count": 1, "resourceClaims": [{"name": "a", "resourceClaimName": "b"}]}},
        "gpu",
    ),
    "a claim of nothing": ({"device": "CUDA", "gpu": {"resourceClaims": [{"name": "a"}]}}, "resourceClaims"),
    "no replicas": ({"device": "CPU", "replicas": {"min": 0}}, "min"),
    "a batch below none": ({"device": "CPU", "batching": {"maxBatchSize": -1}}, "maxBatchSize"),
}


@pytest.mark.parametrize("why", BAD)
def test_a_bad_profile_is_refused_with_its_name_and_field(why: str) -> None:
    profile, field = BAD[why]
    message = refusal(CHART, *setting("mine", profile))
    assert "mine" in message
    assert field in message
    assert read_book({"mine": json.dumps(profile)}).faults, "the operator refuses it too"


def test_a_profile_of_another_name_is_refused() -> None:
    assert "My_Profile" in refusal(CHART, *setting("My_Profile", {"device": "CPU"}))
