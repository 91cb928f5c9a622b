"""`bindctl render --diff-cluster` tells what an apply would change, and nothing of a Secret."""

from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from bindctl import commands
from bindctl.cluster import Cluster, ClusterUnanswered
from support.resources import merged, tiny_resource


@dataclass
class Played:
    """It has the values of one resource."""

    text: str | None = None
    values: dict[str, Any] | None = None

    def rendered_values(self, namespace: str, name: str) -> str | None:
        return self.text

    def release_values(self, namespace: str, name: str) -> dict[str, Any] | None:
        return self.values


def run(*arguments: str, text: str) -> Result:
    return CliRunner().invoke(commands.main, ["render", *arguments, "-"], input=text)


def values_of(*manifests: Any) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(run(text=yaml.safe_dump_all(manifests)).stdout)
    return found


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Any:
    def played(**live: Any) -> None:
        monkeypatch.setattr(Cluster, "connect", lambda *_: Played(**live))

    return played


def test_the_same_values_in_another_order_are_no_difference(play: Any) -> None:
    manifest = tiny_resource("search")
    play(values=dict(reversed(values_of(manifest).items())))
    result = run("--diff-cluster", text=yaml.safe_dump(manifest))
    assert (result.exit_code, result.stdout) == (0, "")


def test_what_would_change_of_a_release_is_a_diff(play: Any) -> None:
    play(values=values_of(tiny_resource("search")))
    changed = merged(tiny_resource("search"), {"spec": {"inference": {"replicas": 3}}})
    result = run("--diff-cluster", text=yaml.safe_dump(changed))
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[:2] == ["--- live/default/search-values.yaml", "+++ now/default/search-values.yaml"]
    assert "-    replicas: 1" in lines
    assert "+    replicas: 3" in lines


def test_rendered_values_are_compared_with_their_configmap(play: Any) -> None:
    manifest = merged(tiny_resource("search"), {"spec": {"delivery": "Render"}})
    play(text=run(text=yaml.safe_dump(manifest)).stdout)
    assert run("--diff-cluster", text=yaml.safe_dump(manifest)).exit_code == 0


def test_what_is_not_there_is_new(play: Any) -> None:
    play()
    result = run("--diff-cluster", text=yaml.safe_dump(tiny_resource("search")))
    assert result.exit_code == 1
    assert result.stdout.startswith("--- /dev/null\n+++ now/default/search-values.yaml\n")


@pytest.mark.parametrize("is_there", [True, False], ids=["given", "optional and not given"])
def test_nothing_of_a_secret_is_shown(play: Any, is_there: bool) -> None:
    source = {"kind": "Secret", "name": "s", "optional": True}
    manifest = merged(tiny_resource("search"), {"spec": {"valuesFrom": [source]}})
    text = "podLabels: {a: new-hush}\nextraEnv: [{name: A, value: hush-too}]\n"
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "default"},
        "stringData": {"values.yaml": text},
    }
    live = values_of(tiny_resource("search")) | {"podLabels": {"a": "old-hush"}, "replicas": 2}
    play(values=live)
    given = [manifest, secret] if is_there else [manifest]
    result = run("--diff-cluster", text=yaml.safe_dump_all(given))
    assert result.exit_code == 1, result.stderr
    assert "hush" not in result.output
    assert '-  a: "*** (live)"' in result.stdout
    assert "-replicas: 2" in result.stdout


def test_json_tells_the_same_to_a_program(play: Any) -> None:
    play(values={})
    result = run("--diff-cluster", "-o", "json", text=yaml.safe_dump(tiny_resource("search")))
    assert result.exit_code == 1
    (told,) = yaml.safe_load(result.stdout)["differences"]
    assert told["file"] == "default/search-values.yaml"
    assert told["diff"].startswith("--- live/default/search-values.yaml\n")
    values = yaml.safe_load(run("-o", "json", text=yaml.safe_dump(tiny_resource("search"))).stdout)
    assert values["resources"][0]["name"] == "search"
    assert yaml.safe_load(values["resources"][0]["values"])["replicas"] == 1


def test_a_cluster_that_does_not_answer_ends_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Cluster:
        raise ClusterUnanswered("no credentials for a cluster")

    monkeypatch.setattr(Cluster, "connect", refuse)
    result = run("--diff-cluster", text=yaml.safe_dump(tiny_resource("search")))
    assert result.exit_code == 2
    assert "no credentials" in result.stderr
