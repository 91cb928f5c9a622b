"""`bindctl compose` writes a compose file with the chart's own configuration, and no key."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from bindctl.commands import main
from support.resources import merged, tiny_resource
from support.tools import binary


def compose(manifest: dict[str, Any], *arguments: str) -> Result:
    command = ["compose", "--helm", str(binary("helm")), *arguments, "-"]
    return CliRunner().invoke(main, command, input=yaml.safe_dump(manifest))


def file_of(spec: dict[str, Any]) -> dict[str, Any]:
    result = compose(merged(tiny_resource("search"), {"spec": spec}))
    assert result.exit_code == 0, result.stderr
    made: dict[str, Any] = yaml.safe_load(result.stdout)
    return made


HUGE = {"model": {"name": "ImageBindHuge", "licenseAccepted": True}}


def test_each_container_is_a_service_behind_the_other() -> None:
    made = file_of({})
    services = made["services"]
    assert list(services) == ["weaviate", "gate", "gate-large", "inference"]
    assert services["weaviate"]["environment"]["BIND_INFERENCE_API"] == "http://gate:8181"
    assert services["weaviate"]["depends_on"] == {"gate": {"condition": "service_healthy"}}
    assert services["weaviate"]["volumes"] == ["weaviate-data:/var/lib/weaviate"]
    (alias,) = services["inference"]["networks"]["default"]["aliases"]
    assert f"dynamic a {alias}. 8080" in made["configs"]["caddyfile"]["content"]
    assert services["gate"]["volumes"] == services["gate-large"]["volumes"] == ["gate-tmp:/tmp"]


def test_limits_and_variables_are_the_resource_s() -> None:
    inference = {"resources": {"limits": {"memory": "12Gi", "cpu": "1500m"}, "requests": {"memory": "1G"}}}
    env = {"QUERY_DEFAULTS_LIMIT": "25", "PRICE": "5$"}
    services = file_of({"inference": inference, "weaviate": {"env": env}})["services"]
    assert services["inference"]["deploy"]["resources"] == {
        "limits": {"memory": "12g", "cpus": "1.5"},
        "reservations": {"memory": "1000000000"},
    }
    assert services["inference"]["environment"]["ENABLE_CUDA"] == "0"
    assert services["weaviate"]["environment"]["QUERY_DEFAULTS_LIMIT"] == "25"
    assert services["weaviate"]["environment"]["PRICE"] == "5$$"


def test_a_gpu_is_reserved_and_turned_on() -> None:
    services = file_of({"device": "CUDA", "gpu": {"count": 2}, "inference": HUGE})["services"]
    assert services["inference"]["environment"]["ENABLE_CUDA"] == "1"
    assert services["inference"]["deploy"]["resources"]["reservations"]["devices"] == [
        {"driver": "nvidia", "count": 2, "capabilities": ["gpu"]}
    ]
    assert services["inference"]["volumes"] == ["model-cache:/cache"]


def test_keys_are_asked_for_and_made_once(tmp_path: Path) -> None:
    manifest = merged(tiny_resource("search"), {"spec": {"inference": {"apiKeys": {}}}})
    keys = tmp_path / ".env"
    result = compose(manifest, "--keys", str(keys))
    assert result.exit_code == 0, result.stderr
    assert keys.stat().st_mode & 0o777 == 0o600
    lines = [line for line in keys.read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    values = dict(line.split("=", 1) for line in lines)
    assert set(values) == set(re.findall(r"\$\{([A-Z_]+KEYS[A-Z_]*):\?", result.stdout)) | {
        "SEARCH_INFERENCE_KEYS_GATE",
        "SEARCH_INFERENCE_KEYS_SERVER",
    }
    assert "SEARCH_WEAVIATE_KEYS_ADMIN" in values
    assert values["SEARCH_INFERENCE_KEYS_GATE"] == values["SEARCH_INFERENCE_KEYS_SERVER"]
    assert len(set(values.values())) == len(values) - 1
    assert not any(value in result.output for value in values.values())
    services = yaml.safe_load(result.stdout)["services"]
    assert services["weaviate"]["environment"]["AUTHENTICATION_APIKEY_ALLOWED_KEYS"] == (
        "${SEARCH_WEAVIATE_KEYS_ADMIN:?set it in .env},${SEARCH_WEAVIATE_KEYS_READ_ONLY:?set it in .env}"
    )
    assert services["gate"]["secrets"][0]["target"] == "/etc/gate-key/key"
    before = keys.read_text(encoding="utf-8")
    assert compose(manifest, "--keys", str(keys)).stdout == result.stdout
    assert keys.read_text(encoding="utf-8") == before


def test_nothing_runs_with_more_rights_than_it_needs() -> None:
    for name, service in file_of({"inference": HUGE})["services"].items():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service.get("read_only", False) is ("configs" not in service), name
        owns = {"weaviate-data:/var/lib/weaviate", "model-cache:/cache"} & set(service["volumes"])
        assert service["user"] == ("0:0" if owns else "65532:65532")


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"weaviate": {"replicas": 3}}, "spec.weaviate.replicas"),
        ({"weaviate": {"storage": {"size": "2Gi"}}}, "spec.weaviate.storage.size"),
        ({"weaviate": {"service": {"type": "LoadBalancer"}}}, "spec.weaviate.service"),
        ({"inference": {"nodeSelector": {"a": "b"}}}, "spec.inference.nodeSelector"),
        ({"commonLabels": {"a": "b"}}, "spec.commonLabels"),
    ],
)
def test_what_compose_cannot_have_is_named_with_its_line(spec: dict[str, Any], field: str) -> None:
    manifest = merged(tiny_resource("search"), {"spec": spec})
    lines = yaml.safe_dump(manifest).splitlines()
    result = compose(manifest, "--strict")
    assert result.exit_code == 1
    (told,) = (line for line in result.stderr.splitlines() if f": {field}: " in line)
    number = int(told.split(":")[1])
    assert lines[number - 1].strip().startswith(field.rpartition(".")[2])


def test_a_weaviate_elsewhere_asks_the_gate_s_port() -> None:
    manifest = tiny_resource("search")
    manifest["spec"]["weaviate"] = {"external": {"url": "http://weaviate.example.com:8080"}}
    result = compose(manifest)
    services = yaml.safe_load(result.stdout)["services"]
    assert list(services) == ["gate", "gate-large", "inference"]
    assert services["gate"]["ports"] == ["${GATE_ADDRESS:-127.0.0.1}:${GATE_PORT:-8181}:8181"]


def test_a_server_elsewhere_is_none_of_the_services() -> None:
    manifest = tiny_resource("search")
    manifest["spec"]["inference"] = {"external": {"url": "http://bind.example.com:8080"}}
    services = yaml.safe_load(compose(manifest).stdout)["services"]
    assert list(services) == ["weaviate", "gate", "gate-large"]


def test_one_of_several_resources_is_chosen_by_name() -> None:
    text = yaml.safe_dump_all([tiny_resource("a"), tiny_resource("b")])
    command = ["compose", "--helm", str(binary("helm")), "-"]
    result = CliRunner().invoke(main, command, input=text)
    assert result.exit_code == 2
    assert "there is a, b" in result.stderr
    chosen = CliRunner().invoke(main, [*command, "--name", "b"], input=text)
    assert yaml.safe_load(chosen.stdout)["name"] == "b"


def test_without_helm_the_question_cannot_be_answered() -> None:
    result = CliRunner().invoke(
        main, ["compose", "--helm", "/nowhere/helm", "-"], input=yaml.safe_dump(tiny_resource("a"))
    )
    assert result.exit_code == 2
    assert "install Helm" in result.stderr
