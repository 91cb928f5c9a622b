"""Every text of a spec arrives in the pod byte for byte: through our values, Helm and the chart."""

import json
from typing import Any

import pytest

from integration.apiserver import ApiServer
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from support.nasty import NASTY
from support.resources import Manifest
from support.waiting import until

TEXTS = dict(zip((f"TEXT_{number}" for number in range(len(NASTY))), NASTY.items(), strict=True))
GROUPS = [list(TEXTS)[start : start + 60] for start in range(0, len(TEXTS), 60)]


def create(instance: Instance, patch: Manifest) -> None:
    """Create or replace the resource, in JSON: PyYAML writes 1e3 as a number, and kubectl applies in YAML."""
    manifest = json.dumps(instance.manifest(patch))
    instance.server.kubectl("replace" if instance.get() else "create", "-f", "-", text=manifest)


def environment(workload: dict[str, Any], container: str) -> dict[str, str]:
    containers = workload["spec"]["template"]["spec"]["containers"]
    found = next(item for item in containers if item["name"] == container)
    return {item["name"]: item.get("value", "") for item in found["env"]}


def released(instance: Instance, generation: int) -> None:
    """Wait until this generation of the resource is deployed."""

    def is_released() -> bool:
        is_seen = instance.status().get("observedGeneration") == generation
        return is_seen and instance.condition("Released") == ("True", "Deployed")

    until(is_released, 30, lambda: f"released: {instance.message()}")


def test_every_text_arrives_as_it_is(operator: OperatorProcess, instance: Instance) -> None:
    wrong = {}
    for group in GROUPS:
        texts = {name: TEXTS[name][1] for name in group}
        env = {
            "inference": {"extraEnv": [{"name": name, "value": text} for name, text in texts.items()]},
            "weaviate": {"env": texts},
        }
        create(instance, {"spec": env})
        assert instance.get()["spec"]["weaviate"]["env"] == texts
        generation = instance.get()["metadata"]["generation"]
        released(instance, generation)
        for kind, component in (("deployment", "inference"), ("statefulset", "weaviate")):
            found = environment(instance.get(kind, f"-{component}"), component)
            wrong |= {
                (component, TEXTS[name][0]): (found.get(name), text)
                for name, text in texts.items()
                if found.get(name) != text
            }
    assert wrong == {}


@pytest.mark.parametrize("name", ["true", "null", "no"])
def test_a_name_may_be_a_word_of_yaml(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance, name: str
) -> None:
    named = Instance(apiserver, name, instance.namespace)
    named.apply()
    released(named, 1)


def test_names_of_other_objects_may_look_like_numbers(operator: OperatorProcess, instance: Instance) -> None:
    weights = {"existingClaim": {"name": "0x1f"}}
    model = {
        "name": "ImageBindHuge",
        "licenseAccepted": True,
        "weights": weights,
        "cache": {"persistence": True, "storageClassName": "1e3"},
    }
    inference = {
        "model": model,
        "nodeSelector": {"pool": "true"},
        "image": {"pullSecrets": ["null"]},
    }
    storage = {"storageClassName": "123", "size": "1Gi"}
    device = {"device": "CUDA", "gpu": {"runtimeClassName": "12"}}
    create(instance, {"spec": {"inference": inference, "weaviate": {"storage": storage}} | device})
    released(instance, 1)
    pod = instance.get("deployment", "-inference")["spec"]["template"]["spec"]
    assert pod["runtimeClassName"] == "12"
    assert pod["nodeSelector"] == {"pool": "true"}
    assert pod["imagePullSecrets"] == [{"name": "null"}]
    assert {"claimName": "0x1f", "readOnly": True} in [
        one.get("persistentVolumeClaim") for one in pod["volumes"]
    ]
    claims = instance.get("statefulset", "-weaviate")["spec"]["volumeClaimTemplates"]
    assert claims[0]["spec"]["storageClassName"] == "123"
    assert instance.get("pvc", "-model-cache")["spec"]["storageClassName"] == "1e3"
