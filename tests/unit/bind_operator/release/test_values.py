"""From a resource to the values of its release."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from bind_operator import __version__
from bind_operator.api import parse_resource
from bind_operator.errors import RenderFailed
from bind_operator.release.chart import Chart
from bind_operator.release.values import render_values
from bind_operator.release.yaml_text import to_json
from bind_operator.settings import Images, ImageSetting, InferenceImageSetting, Settings
from support.rendered import SAMPLES, rendered_values
from support.resources import merged, tiny_resource

CHART = Chart(Path("/nowhere"), "weaviate-bind", "0.1.0", {}, "chart-digest")
IMAGES = Images()
PIN = "sha256:" + "b" * 64


def render(patch: dict[str, Any], images: Images = IMAGES) -> Any:
    resource = parse_resource(merged(tiny_resource("t"), patch))
    return yaml.safe_load(render_values(resource, images, CHART).text)


def inference(patch: dict[str, Any], images: Images = IMAGES) -> Any:
    return render(patch, images)["modules"]["multi2vec-bind"]


def test_cuda_asks_for_the_gpu() -> None:
    gpu = {"resourceName": "nvidia.com/mig-1g.10gb", "count": 2, "runtimeClassName": "nvidia"}
    found = inference({"spec": {"device": "CUDA", "gpu": gpu}})
    assert found["envconfig"] == {"enable_cuda": True}
    assert found["gpu"] == {"resourceName": "nvidia.com/mig-1g.10gb", "count": 2}
    assert found["runtimeClassName"] == "nvidia"


def test_cuda_without_gpu_asks_for_one() -> None:
    assert inference({"spec": {"device": "CUDA"}})["gpu"] == {"resourceName": "nvidia.com/gpu", "count": 1}


def test_each_device_gets_its_own_image_of_the_operators_version() -> None:
    assert inference({})["tag"] == f"{__version__}-cpu"
    assert inference({"spec": {"device": "CUDA"}})["tag"] == __version__


def _images(**setting: Any) -> Images:
    return Images.model_validate({"inference": {"registry": "r", "repository": "p"} | setting})


@pytest.mark.parametrize(
    ("setting", "cpu", "cuda"),
    [
        ({"tag": "mine"}, ("mine", ""), ("mine", "")),
        ({"cpu": {"tag": "slim"}}, ("slim", ""), (__version__, "")),
        ({"tag": "mine", "cpu": {"tag": "slim"}}, ("slim", ""), ("mine", "")),
        ({"tag": "mine", "digest": PIN, "cpu": {"tag": "slim"}}, ("slim", ""), ("mine", PIN)),
        ({"tag": "mine", "digest": PIN}, ("mine", PIN), ("mine", PIN)),
        ({"tag": "mine", "cpu": {"digest": PIN}}, (f"{__version__}-cpu", PIN), ("mine", "")),
    ],
)
def test_a_tag_or_digest_that_is_set_is_taken_as_it_is(
    setting: dict[str, Any], cpu: tuple[str, str], cuda: tuple[str, str]
) -> None:
    for device, expected in (("CPU", cpu), ("CUDA", cuda)):
        found = inference({"spec": {"device": device}}, _images(**setting))
        assert (found["tag"], found["digest"]) == expected


@pytest.mark.parametrize("device", ["CPU", "CUDA"])
def test_a_resource_s_own_tag_is_taken_for_either_device(device: str) -> None:
    image = {"tag": "1.2.3", "repository": "team/mine"}
    found = inference(
        {"spec": {"device": device, "inference": {"image": image}}}, _images(cpu={"tag": "slim"})
    )
    assert (found["repo"], found["tag"]) == ("team/mine", "1.2.3")


def test_huge_keeps_its_weights() -> None:
    found = inference({"spec": {"inference": {"model": {"name": "ImageBindHuge", "licenseAccepted": True}}}})
    assert found["cache"]["persistence"] is True
    assert found["model"]["licenseAccepted"] is True


def _huge(**model: Any) -> Any:
    accepted = {"name": "ImageBindHuge", "licenseAccepted": True}
    return inference({"spec": {"inference": {"model": accepted | model}}})


def test_weights_in_a_claim_are_mounted_and_need_no_cache() -> None:
    found = _huge(weights={"existingClaim": {"name": "kept", "path": "models"}})
    assert found["model"]["weights"] == {
        "url": "",
        "sha256": "",
        "existingClaim": {"name": "kept", "path": "models"},
    }
    assert found["cache"]["persistence"] is False


def test_weights_in_an_image_are_mounted_and_need_no_cache() -> None:
    found = _huge(weights={"image": {"reference": "r.local/w:1"}, "sha256": "a" * 64})
    assert found["model"]["weights"] == {
        "url": "",
        "sha256": "a" * 64,
        "image": {"reference": "r.local/w:1", "pullPolicy": "IfNotPresent", "path": ""},
    }
    assert found["cache"]["persistence"] is False


def test_the_cache_is_kept_or_not_as_it_is_said() -> None:
    claim = {"existingClaim": {"name": "kept"}}
    assert _huge(weights=claim, cache={"persistence": True})["cache"]["persistence"] is True
    assert _huge(cache={"persistence": False})["cache"]["persistence"] is False
    tiny = inference({"spec": {"inference": {"model": {"cache": {"persistence": True}}}}})
    assert tiny["cache"]["persistence"] is False, "Tiny has nothing to keep"


def test_the_precision_goes_through() -> None:
    assert _huge(precision="int8")["model"]["precision"] == "int8"


def test_a_resource_without_the_newer_fields_renders_only_the_precision_more() -> None:
    """What the values of a resource of 0.1.0 were; the resources' default was stored with it."""
    old = {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"memory": "12Gi"}}
    url = {"url": "https://example.org/w.pth", "sha256": "a" * 64}
    model = {"name": "ImageBindHuge", "licenseAccepted": True, "weights": url}
    found = inference({"spec": {"inference": {"resources": old, "model": model}}})
    assert found["model"] == {**model, "precision": "auto"}
    assert found["cache"] == {
        "persistence": True,
        "size": "10Gi",
        "storageClassName": "",
        "accessModes": ["ReadWriteOnce"],
        "scope": "Auto",
    }
    assert found["resources"] == old


def test_scheduling_goes_through_in_camel_case() -> None:
    affinity: dict[str, Any] = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
    spread = [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]
    found = inference(
        {
            "spec": {
                "inference": {
                    "nodeSelector": {"disk": "ssd"},
                    "tolerations": [{"key": "gpu", "operator": "Exists", "tolerationSeconds": 5}],
                    "affinity": affinity,
                    "topologySpreadConstraints": spread,
                    "priorityClassName": "high",
                    "extraEnv": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
                }
            }
        }
    )
    assert found["nodeSelector"] == {"disk": "ssd"}
    assert found["tolerations"] == [{"key": "gpu", "operator": "Exists", "tolerationSeconds": 5}]
    assert found["affinity"] == affinity
    assert found["topologySpreadConstraints"] == spread
    assert found["priorityClassName"] == "high"
    assert found["extraEnv"] == [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]


def test_weaviate_is_placed_and_reached_as_it_is_said() -> None:
    placed = {
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "data", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone"}],
        "priorityClassName": "high",
    }
    service = {
        "type": "LoadBalancer",
        "annotations": {"lb.example.com/internal": "true"},
        "loadBalancerSourceRanges": ["10.0.0.0/8", "2001:db8::/32"],
    }
    found = render({"spec": {"weaviate": {**placed, "service": service}}})
    assert {name: found[name] for name in placed} == placed
    assert found["service"] == found["grpcService"] == service
    plain = render({})
    assert plain["service"] == {"type": "ClusterIP", "annotations": {}, "loadBalancerSourceRanges": []}
    assert not any(plain[name] for name in placed)


OURS = Images(
    inference=InferenceImageSetting(
        registry="r.local:5000", repository="bind", tag="1", digest="sha256:" + "a" * 64
    )
)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({}, ("r.local:5000", "bind", "1", "sha256:" + "a" * 64)),
        ({"tag": "2"}, ("r.local:5000", "bind", "2", "")),
        ({"registry": "ghcr.io"}, ("ghcr.io", "bind", "1", "")),
        ({"digest": "sha256:" + "b" * 64}, ("r.local:5000", "bind", "1", "sha256:" + "b" * 64)),
    ],
    ids=["the operator's", "own tag drops the digest", "own registry", "own digest"],
)
def test_image_parts_fall_back_to_the_operators(image: dict[str, str], expected: tuple[str, ...]) -> None:
    found = inference({"spec": {"inference": {"image": image}}}, OURS)
    assert (found["registry"], found["repo"], found["tag"], found["digest"]) == expected


def test_what_does_not_fit_the_chart_is_named() -> None:
    schema = {"properties": {"storage": {"properties": {"size": {"type": "integer"}}}}}
    chart = Chart(Path("/nowhere"), "weaviate-bind", "0.1.0", schema, "")
    with pytest.raises(RenderFailed, match=r"weaviate-bind-0\.1\.0 does not take storage\.size"):
        render_values(parse_resource(tiny_resource("t")), IMAGES, chart)


def test_same_input_same_bytes_and_digest() -> None:
    resource = parse_resource(tiny_resource("t"))
    assert render_values(resource, IMAGES, CHART) == render_values(resource, IMAGES, CHART)


def test_digest_follows_the_name_only_by_the_secret_that_is_called_so() -> None:
    opened = {"spec": {"weaviate": {"authentication": {"anonymousAccess": True}}}}
    for patch, is_same in (({}, False), (opened, True)):
        both = {
            render_values(parse_resource(merged(tiny_resource(name), patch)), IMAGES, CHART).digest
            for name in "tu"
        }
        assert (len(both) == 1) is is_same


def test_digest_follows_values_and_chart() -> None:
    first = render_values(parse_resource(tiny_resource("t")), IMAGES, CHART).digest
    other_chart = Chart(CHART.path, CHART.name, CHART.version, {}, "other")
    patched = merged(tiny_resource("t"), {"spec": {"weaviate": {"env": {"A": "1"}}}})
    assert render_values(parse_resource(tiny_resource("t")), IMAGES, other_chart).digest != first
    assert render_values(parse_resource(patched), IMAGES, CHART).digest != first
    assert re.fullmatch(r"[0-9a-f]{32}", first)


@example("a \u2028 b \u2029 c\x85d\x7fe\ufefff")
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_as_yaml(text: str) -> None:
    assert yaml.safe_load(f"key: {to_json(text)}\n") == {"key": text}


def test_text_cannot_leave_its_value() -> None:
    env = {"A": '"\nreplicas: 99 # {{ x }}'}
    found = render({"spec": {"weaviate": {"env": env}}})
    assert found["replicas"] == 1
    assert found["env"] == {"DISABLE_TELEMETRY": "true"} | env


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_samples_fit_the_bundled_chart(sample: Path) -> None:
    assert yaml.safe_load(rendered_values(sample))


def test_what_was_rendered_is_remembered_by_its_content() -> None:
    def rendered(replicas: int, images: Images = IMAGES, chart: Chart = CHART) -> object:
        patch = {"spec": {"inference": {"replicas": replicas}}}
        return render_values(parse_resource(merged(tiny_resource("t"), patch)), images, chart)

    once = rendered(2)
    assert rendered(2) is once
    others = [rendered(3), rendered(2, Images(gate=ImageSetting(registry="r", repository="g", tag="2")))]
    others.append(rendered(2, chart=Chart(Path("/nowhere"), "weaviate-bind", "0.1.0", {}, "another")))
    assert once not in others


def test_the_operator_names_itself_for_network_policies_where_it_knows_itself() -> None:
    resource = parse_resource(tiny_resource("t"))
    settings = Settings(namespace="bind-system", pod_labels={"a": "b"})
    text = render_values(resource, IMAGES, CHART, settings.operator_peers).text
    assert yaml.safe_load(text)["networkPolicy"]["operator"] == [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "bind-system"}},
            "podSelector": {"matchLabels": {"a": "b"}},
        }
    ]
    assert render({})["networkPolicy"] == {"enabled": False}
    assert settings.operator_pod == "the operator (namespace bind-system, pods with the labels a=b)"
    assert Settings().operator_pod == "the operator"


def test_an_external_weaviate_leaves_the_gate_by_itself() -> None:
    external = {
        "url": "https://w.example.com",
        "apiKey": {"name": "keys", "key": "reader"},
        "caCertificate": {"name": "ca", "key": "ca.crt"},
        "gateReplicas": 3,
    }
    gate = render({"spec": {"weaviate": {"external": external}}})["gate"]
    assert gate.pop("image")["repo"] == "library/caddy"
    assert gate == {
        "mode": "Deployment",
        "replicas": 3,
        "weaviate": {
            "url": "https://w.example.com",
            "apiKey": {"existingSecret": "keys", "key": "reader"},
            "ca": {"existingSecret": "ca", "key": "ca.crt"},
        },
    }
    opened = {"spec": {"weaviate": {"authentication": {"anonymousAccess": True}}}}
    assert set(render(opened)["gate"]) == {"image"}


def test_an_external_inference_server_is_what_the_gate_asks() -> None:
    external = {
        "url": "https://b.example.com",
        "apiKey": {"name": "keys", "key": "mine"},
        "caCertificate": {"name": "ca", "key": "ca.crt"},
    }
    found = inference({"spec": {"inference": {"external": external, "model": {"name": "ImageBindHuge"}}}})
    assert (found["enabled"], found["inferenceUrl"]) == (False, "https://b.example.com")
    assert found["apiKeys"] == {"existingSecret": "keys", "gateKey": "mine"}


def test_the_servers_want_the_key_of_the_gate_unless_it_is_the_first_step() -> None:
    def keys(section: dict[str, object]) -> object:
        return inference({"spec": {"inference": {"apiKeys": section}}})["apiKeys"]

    wanted = {"existingSecret": "t-inference-keys", "serverKey": "server", "gateKey": "gate"}
    assert keys({}) == keys({"required": True}) == wanted
    assert keys({"required": False}) == wanted | {"required": False}


def test_an_external_inference_server_may_have_an_authority_of_its_own() -> None:
    external = {"url": "https://b.example.com", "caCertificate": {"name": "ca", "key": "ca.crt"}}
    found = inference({"spec": {"inference": {"external": external, "model": {"name": "ImageBindHuge"}}}})
    assert found["inferenceCa"] == {"existingSecret": "ca", "key": "ca.crt"}


def test_gpus_are_among_the_resources_where_upstream_s_chart_reads_them() -> None:
    spec = {"device": "CUDA", "gpu": {"resourceName": "nvidia.com/mig-1g.10gb", "count": 2}}
    limits = render({"spec": spec})["modules"]["multi2vec-bind"]["resources"]["limits"]
    assert limits == {"memory": "12Gi", "nvidia.com/mig-1g.10gb": 2}
    claims = {"device": "CUDA", "gpu": {"resourceClaims": [{"name": "gpu", "resourceClaimName": "one"}]}}
    limits = render({"spec": claims})["modules"]["multi2vec-bind"]["resources"]["limits"]
    assert limits == {"memory": "12Gi"}
