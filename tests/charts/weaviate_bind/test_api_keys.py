"""One Secret holds the keys: a file of all of them for the server, and one of its own for the gate."""

from typing import Any

from support.charts import Manifest, containers, env, pick, refusal, render, render_text

BIND = "modules.multi2vec-bind"
TINY = ("--set", f"{BIND}.model.name=Tiny")
KEYS = ("--set", f"{BIND}.apiKeys.existingSecret=inference-keys")


def pod(kind: str, *arguments: str) -> Manifest:
    found: Manifest = pick(render("weaviate-bind", *TINY, *arguments), kind)["spec"]["template"]["spec"]
    return found


def mounted(spec: Manifest, container: str) -> list[dict[str, Any]]:
    """Return the Secrets that a container sees, each with the folder that it is at."""
    volumes = {volume["name"]: volume["secret"] for volume in spec["volumes"] if "secret" in volume}
    mounts = containers(spec)[container]["volumeMounts"]
    return [
        {"at": mount["mountPath"], **volumes[mount["name"]]} for mount in mounts if mount["name"] in volumes
    ]


def test_without_a_secret_there_is_nothing_of_it() -> None:
    assert "api-key" not in render_text("weaviate-bind", *TINY).casefold()
    assert "gate-key" not in render_text("weaviate-bind", *TINY)


def test_the_server_reads_all_keys_from_a_file() -> None:
    spec = pod("Deployment", *KEYS, "--set", f"{BIND}.apiKeys.serverKey=all")
    (secret,) = mounted(spec, "inference")
    assert secret == {
        "at": "/etc/api-keys",
        "secretName": "inference-keys",
        "items": [{"key": "all", "path": "keys"}],
    }
    assert env(containers(spec)["inference"])["BIND_API_KEYS_FILE"] == "/etc/api-keys/keys"


def test_the_gate_shows_its_key_before_the_server_wants_one() -> None:
    early = (*KEYS, "--set", f"{BIND}.apiKeys.required=false")
    spec = pod("Deployment", *early)
    assert mounted(spec, "inference") == []
    assert "BIND_API_KEYS_FILE" not in env(containers(spec)["inference"])
    assert mounted(pod("StatefulSet", *early), "gate") == mounted(pod("StatefulSet", *KEYS), "gate") != []


def test_the_gate_has_its_own_key_and_weaviate_none() -> None:
    spec = pod("StatefulSet", *KEYS, "--set", f"{BIND}.apiKeys.gateKey=ours")
    (secret,) = mounted(spec, "gate")
    assert secret == {
        "at": "/etc/gate-key",
        "secretName": "inference-keys",
        "items": [{"key": "ours", "path": "key"}],
    }
    assert mounted(spec, "weaviate") == mounted(spec, "gate-large") == []


def test_no_mount_is_of_a_sub_path_because_those_never_change() -> None:
    for kind in ("Deployment", "StatefulSet"):
        for container in containers(pod(kind, *KEYS)).values():
            assert [mount for mount in container["volumeMounts"] if "subPath" in mount] == []


def test_a_server_elsewhere_is_shown_a_key_too() -> None:
    elsewhere = ("--set", f"{BIND}.enabled=false", "--set", f"{BIND}.inferenceUrl=http://x")
    assert mounted(pod("StatefulSet", *elsewhere, *KEYS), "gate")


def test_upstreams_image_asks_for_none() -> None:
    message = refusal("weaviate-bind", *KEYS, "--set", f"{BIND}.repo=semitechnologies/multi2vec-bind")
    assert "upstream's image asks nobody for a key" in message
