"""The inference side: device, model, licence, cache, rollout."""

import pytest
import yaml

from support.charts import CHARTS, containers, env, pick, refusal, render, render_text

CI = CHARTS / "weaviate-bind" / "ci"
BIND = "modules.multi2vec-bind"
TINY = ("--set", f"{BIND}.model.name=Tiny")
ACCEPT = ("--set", f"{BIND}.model.licenseAccepted=true")
VERSION = yaml.safe_load((CHARTS / "weaviate-bind/Chart.yaml").read_text())["version"]
CUDA = ("--set", f"{BIND}.envconfig.enable_cuda=true")


def _deployment(*arguments):
    return pick(render("weaviate-bind", *arguments), "Deployment")["spec"]


def _server(*arguments):
    return containers(_deployment(*arguments)["template"]["spec"])["inference"]


def test_the_documented_values_work_as_they_stand() -> None:
    server = _server("--values", CI / "documented-values.yaml")
    assert server["image"] == "cr.weaviate.io/semitechnologies/multi2vec-bind:imagebind"
    assert env(server)["ENABLE_CUDA"] == "1"
    assert server["resources"]["limits"] == {"memory": "12Gi", "nvidia.com/gpu": 1}


def test_weights_need_the_licence_to_be_accepted() -> None:
    message = refusal("weaviate-bind")
    assert f"{BIND}.model.licenseAccepted" in message
    assert "CC BY-NC-SA 4.0" in message
    assert env(_server(*ACCEPT))["BIND_LICENSE_ACCEPTED"] == "true"


def test_our_image_under_another_name_needs_the_licence_too() -> None:
    mirror = ("--set", f"{BIND}.registry=registry.example.com", "--set", f"{BIND}.repo=mirror/bind-inference")
    assert "licenseAccepted" in refusal("weaviate-bind", *mirror)


def test_a_cpu_server_is_told_so_and_asks_for_no_gpu() -> None:
    server = _server(*TINY)
    assert env(server)["ENABLE_CUDA"] == "0"
    assert "nvidia" not in render_text("weaviate-bind", *TINY)


def test_each_device_has_an_image_and_a_tag_of_ones_own_is_taken_as_it_is() -> None:
    name = "ghcr.io/bindvectorizer/bind-inference"
    assert _server(*TINY)["image"] == f"{name}:{VERSION}-cpu"
    assert _server(*TINY, *CUDA)["image"] == f"{name}:{VERSION}"
    for device in ((), CUDA):
        assert _server(*TINY, *device, "--set", f"{BIND}.tag=1.2.3")["image"] == f"{name}:1.2.3"
        pinned = ("--set", f"{BIND}.digest=sha256:{'a' * 64}")
        assert _server(*TINY, *device, *pinned)["image"] == f"{name}@sha256:{'a' * 64}"


def test_the_test_pod_has_the_servers_image() -> None:
    for device in ((), CUDA):
        objects = render("weaviate-bind", *TINY, *device)
        pod = containers(pick(objects, "Pod")["spec"])["test"]
        assert pod["image"] == _server(*TINY, *device)["image"]


def test_cuda_asks_for_the_gpu_that_is_named() -> None:
    mig = ("--set", f"{BIND}.gpu.resourceName=nvidia.com/mig-3g.40gb", "--set", f"{BIND}.gpu.count=2")
    runtime = ("--set", f"{BIND}.runtimeClassName=nvidia")
    server = _server(*TINY, *CUDA, *mig)
    assert server["resources"]["limits"]["nvidia.com/mig-3g.40gb"] == 2
    assert "nvidia.com/gpu" not in server["resources"]["limits"]
    pod = _deployment(*TINY, *CUDA, *runtime)["template"]["spec"]
    assert pod["runtimeClassName"] == "nvidia"


def test_cuda_leaves_the_choice_of_the_card_to_the_device_plugin() -> None:
    assert "NVIDIA_VISIBLE_DEVICES" not in env(_server(*TINY, *CUDA))


def test_the_server_has_its_settings_and_writes_where_it_may() -> None:
    found = env(_server(*TINY))
    assert found["BIND_MODEL"] == "Tiny"
    assert found["BIND_HTTP_PORT"] == "8080"
    assert found["BIND_CACHE_DIR"] == "/cache"
    assert (found["HOME"], found["TMPDIR"]) == ("/tmp", "/tmp")


def test_extra_environment_replaces_and_adds() -> None:
    extra = (f"{BIND}.extraEnv[0].name=BIND_MODEL", f"{BIND}.extraEnv[0].value=Other")
    server = _server(*TINY, "--set", ",".join(extra))
    assert [item["value"] for item in server["env"] if item["name"] == "BIND_MODEL"] == ["Other"]


def test_weights_are_kept_in_a_volume_and_tiny_has_none() -> None:
    kept = {item["name"]: item for item in _deployment(*ACCEPT)["template"]["spec"]["volumes"]}
    assert kept["cache"]["persistentVolumeClaim"] == {"claimName": "shop-model-cache"}
    for arguments in (TINY, ("--values", CI / "documented-values.yaml")):
        assert "model-cache" not in render_text("weaviate-bind", *arguments)


def _set(**values: str) -> tuple[str, ...]:
    """Return arguments that set values below the model."""
    return tuple(
        part
        for name, value in values.items()
        for part in ("--set", f"{BIND}.model.{name.replace('__', '.')}={value}")
    )


CLAIM = _set(weights__existingClaim__name="kept")
IMAGE = _set(weights__image__reference="r.example.com/w:1")


def _weights(*arguments):
    """Return the volume of the weights, its mount and BIND_WEIGHTS_PATH; None for what there is not."""
    pod = _deployment(*arguments)["template"]["spec"]
    server = containers(pod)["inference"]
    volumes = {item.pop("name"): item for item in pod["volumes"]}
    mounts = {item.pop("name"): item for item in server["volumeMounts"]}
    return volumes.get("weights"), mounts.get("weights"), env(server).get("BIND_WEIGHTS_PATH")


READ_ONLY = {"mountPath": "/weights", "readOnly": True}


def test_weights_are_read_from_a_claim_that_is_there() -> None:
    claim = {"persistentVolumeClaim": {"claimName": "kept", "readOnly": True}}
    assert _weights(*ACCEPT, *CLAIM) == (claim, READ_ONLY, "/weights")
    inside = _set(weights__existingClaim__path="models/x.pth")
    assert _weights(*ACCEPT, *CLAIM, *inside)[2] == "/weights/models/x.pth"


def test_weights_are_read_from_an_image() -> None:
    volume = {"image": {"reference": "r.example.com/w:1", "pullPolicy": "IfNotPresent"}}
    assert _weights(*ACCEPT, *IMAGE) == (volume, READ_ONLY, "/weights")
    more = _set(weights__image__path="models", weights__image__pullPolicy="Always")
    found, _, path = _weights(*ACCEPT, *IMAGE, *more)
    assert (found["image"]["pullPolicy"], path) == ("Always", "/weights/models")


def test_nothing_is_mounted_where_no_weights_are_read() -> None:
    upstream = ("--values", CI / "documented-values.yaml")
    for arguments in (ACCEPT, (*TINY, *CLAIM), (*TINY, *IMAGE), (*upstream, *CLAIM)):
        assert _weights(*arguments) == (None, None, None)


def test_converted_weights_in_a_volume_need_no_cache_volume() -> None:
    text = render_text("weaviate-bind", "--values", CI / "claim-values.yaml")
    assert "model-cache" not in text
    volumes = {
        item["name"]: item
        for item in _deployment("--values", CI / "claim-values.yaml")["template"]["spec"]["volumes"]
    }
    assert volumes["cache"] == {"name": "cache", "emptyDir": {}}


def test_the_sum_goes_with_a_volume_too() -> None:
    assert env(_server(*ACCEPT, *CLAIM, *_set(weights__sha256="a" * 64)))["BIND_WEIGHTS_SHA256"] == "a" * 64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*CLAIM, *IMAGE), "model.weights has existingClaim and image: set one of them"),
        ((*CLAIM, *_set(weights__url="https://x")), "model.weights has existingClaim and url: set one"),
        ((*IMAGE, *_set(weights__url="https://x")), "model.weights has image and url: set one of them"),
        ((*CUDA, *_set(precision="int8")), "model.precision is int8, which is for CPUs only"),
    ],
    ids=["claim and image", "claim and url", "image and url", "int8 on a GPU"],
)
def test_what_cannot_go_together_is_refused(arguments: tuple[str, ...], message: str) -> None:
    assert message in refusal("weaviate-bind", *ACCEPT, *arguments)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "auto"),
        (_set(precision="float32"), "float32"),
        (_set(precision="bfloat16"), "bfloat16"),
        (_set(precision="int8"), "int8"),
        ((*CUDA, *_set(precision="float16")), "float16"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_precision_is_told_to_the_server(arguments: tuple[str, ...], expected: str) -> None:
    assert env(_server(*ACCEPT, *arguments))["BIND_PRECISION"] == expected


def test_a_rollout_has_a_new_server_before_an_old_one_goes() -> None:
    assert _deployment(*TINY)["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_a_server_that_goes_answers_until_the_gates_have_seen_it_go() -> None:
    spec = _deployment(*TINY)["template"]["spec"]
    sleep_s = containers(spec)["inference"]["lifecycle"]["preStop"]["sleep"]["seconds"]
    # CoreDNS keeps a headless Service's records for 5 s, the gate for 1 s more.
    assert sleep_s > 6


def test_the_first_start_has_time_to_download_the_weights() -> None:
    spec = _deployment(*ACCEPT)
    probe = containers(spec["template"]["spec"])["inference"]["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == 1800
    assert spec["progressDeadlineSeconds"] > 1800


def test_the_gate_finds_the_address_of_every_pod() -> None:
    objects = render("weaviate-bind", *TINY)
    service = pick(objects, "Service", "inference")["spec"]
    assert (service["clusterIP"], service.get("publishNotReadyAddresses", False)) == ("None", False)
    caddyfile = pick(objects, "ConfigMap", "gate")["data"]["Caddyfile"]
    assert "dynamic a shop-inference.space.svc.cluster.local. 8080 {" in caddyfile


def test_a_server_elsewhere_is_asked_through_the_gate() -> None:
    objects = render("weaviate-bind", "--values", CI / "elsewhere-values.yaml")
    assert [item for item in objects if item["kind"] == "Deployment"] == []
    assert "dynamic a imagebind.models.svc 9000 {" in pick(objects, "ConfigMap", "gate")["data"]["Caddyfile"]


def test_autoscaling_owns_the_number_of_replicas() -> None:
    scaled = (*TINY, "--set", f"{BIND}.autoscaling.enabled=true")
    assert "replicas" not in _deployment(*scaled)
    assert pick(render("weaviate-bind", *scaled), "HorizontalPodAutoscaler")["spec"]["maxReplicas"] == 4


def test_only_weaviate_and_each_other_reach_the_servers_where_policies_are_on() -> None:
    objects = render("weaviate-bind", *TINY, "--set", "networkPolicy.enabled=true")
    rules = pick(objects, "NetworkPolicy", "inference")["spec"]["ingress"]
    selectors = [peer["podSelector"]["matchLabels"] for rule in rules for peer in rule["from"]]
    assert [labels["app.kubernetes.io/component"] for labels in selectors] == ["weaviate", "inference"]
