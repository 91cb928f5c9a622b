"""What the chart tells the server and Weaviate, against what these take and what the resource keeps free."""

import json
import re
from typing import Any

import pytest

from bind_inference.settings import Settings, read_settings
from bind_inference.settings.reference import options_of
from bind_operator.api.rules.inference import INFERENCE_ENV
from bind_operator.api.rules.weaviate import WEAVIATE_ENV
from support.charts import containers, env, pick, render
from support.values import values

CHART = "weaviate-bind"
BIND = "modules.multi2vec-bind"
ACCEPTED = ("--set", f"{BIND}.model.licenseAccepted=true")
MIB = 1024 * 1024

NOT_SETTINGS = {
    "HOME": "of the container: the only folder that can be written",
    "TMPDIR": "the same",
    "NVIDIA_VISIBLE_DEVICES": "of the container runtime",
    "NVIDIA_DRIVER_CAPABILITIES": "of the container runtime",
    "LD_LIBRARY_PATH": "of the loader",
}
OF_THE_CHART = {
    "BIND_JOURNAL_PATH": "in a volume of the pod",
    "BIND_PEERS": "the Service of the release",
}
"""The server by itself knows nothing of these."""
FREE = {
    "BIND_DRAIN_TIMEOUT_S": "there is no field for it, and the pod's grace period follows it",
    "BIND_JOURNAL_PATH": "there is no field for it; empty turns it off",
    "BIND_PEERS": "the same",
}
"""A resource may set these variables of the server, although the chart does."""


def server_env(*arguments: Any) -> dict[str, Any]:
    found = [item for item in render(CHART, *arguments) if item["kind"] == "Deployment"]
    return env(containers(found[0]["spec"]["template"]["spec"])["inference"]) if found else {}


def all_of_the_server() -> set[str]:
    """Return every variable that the chart sets, without those that a scenario adds."""
    model: dict[str, Any] = {"licenseAccepted": True}
    mirror = {"url": "https://x/y", "sha256": "a" * 64}
    cuda = {"enable_cuda": True, "nvidia_visible_devices": "all", "ld_library_path": "/x"}
    tree = [
        {"model": model | {"weights": mirror}, "envconfig": cuda},
        {"model": model | {"weights": {"existingClaim": {"name": "kept"}}}},
    ]
    return {name for one in tree for name in server_env("--set-json", f"{BIND}={json.dumps(one)}")}


def test_every_variable_that_the_chart_sets_is_a_setting_of_the_server() -> None:
    settings = {option.variable for option in options_of(Settings)}
    assert all_of_the_server() - set(NOT_SETTINGS) <= settings


def test_the_resource_keeps_what_the_chart_sets_from_other_fields() -> None:
    assert all_of_the_server() - set(NOT_SETTINGS) - set(FREE) == set(INFERENCE_ENV)


def test_the_chart_tells_the_server_the_servers_own_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    by_itself = read_settings(["--license-accepted", "true"])
    for name, value in server_env(*ACCEPTED).items():
        if name not in OF_THE_CHART:
            monkeypatch.setenv(name, value)
    assert read_settings([]) == by_itself


def test_the_resource_keeps_what_joins_weaviate_to_the_server() -> None:
    weaviate = containers(pick(render(CHART, *ACCEPTED), "StatefulSet")["spec"]["template"]["spec"])
    assert set(WEAVIATE_ENV) <= set(env(weaviate["weaviate"]))


def test_the_server_takes_what_the_gate_lets_through() -> None:
    number = re.fullmatch(r"(\d+)MiB", values(CHART)["gate"]["maxBodySize"])
    assert number is not None
    assert int(number[1]) * MIB <= Settings.model_fields["max_request_bytes"].default
