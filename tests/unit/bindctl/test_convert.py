"""`bindctl convert` keeps what an installation means, and names what it cannot keep."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from bindctl.commands import main
from bindctl.convert import conversion

COMPOSE = """\
services:
  weaviate:
    command: [--host, 0.0.0.0, --port, '8080', --scheme, http]
    image: cr.weaviate.io/semitechnologies/weaviate:1.38.2
    ports: ["8080:8080", "50051:50051"]
    volumes: ["weaviate_data:/var/lib/weaviate"]
    restart: on-failure:0
    environment:
      BIND_INFERENCE_API: 'http://multi2vec-bind:8080'
      QUERY_DEFAULTS_LIMIT: 25
      AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED: 'true'
      PERSISTENCE_DATA_PATH: /var/lib/weaviate
      DEFAULT_VECTORIZER_MODULE: multi2vec-bind
      ENABLE_MODULES: multi2vec-bind
      CLUSTER_HOSTNAME: node1
  multi2vec-bind:
    mem_limit: 12g
    image: cr.weaviate.io/semitechnologies/multi2vec-bind:imagebind
    environment: {ENABLE_CUDA: '0'}
volumes: {weaviate_data: {}}
"""
VALUES = """\
image: {tag: 1.38.2}
modules:
  multi2vec-bind:
    enabled: true
    tag: imagebind
    repo: semitechnologies/multi2vec-bind
    registry: cr.weaviate.io
    envconfig: {enable_cuda: false}
"""


RICH: dict[str, Any] = {
    "resources": {"limits": {"memory": "9Gi"}},
    "authentication": {"apikey": {"enabled": True, "allowed_keys": ["a"], "users": ["b"]}},
    "backups": {"s3": {"enabled": True, "envconfig": {"BACKUP_S3_BUCKET": "b"}, "envSecrets": {"A": "s"}}},
    "env": {"GOGC": 50},
    "envSecrets": {"B": "c"},
    "service": {"type": "ClusterIP", "ports": [{"port": 80}]},
    "grpcService": {"enabled": False},
    "image": {"tag": "1.38.2", "pullSecrets": ["p"]},
}


def convert(*arguments: str, text: str | None = None, accepts: bool = True) -> Result:
    license_ = ["--accept-license"] if accepts else []
    return CliRunner().invoke(main, ["convert", *license_, *arguments], input=text)


def spec_of(text: str, *arguments: str) -> dict[str, Any]:
    result = convert(*arguments, "-", text=text)
    assert result.exit_code == 0, result.stderr
    spec: dict[str, Any] = yaml.safe_load(result.stdout)["spec"]
    return spec


def notes_of(text: str) -> dict[str, tuple[str, str]]:
    """Return level and message of each note by its field."""
    told = json.loads(convert("-o", "json", "-", text=text).stdout)
    return {note["field"]: (note["level"], note["message"]) for note in told["notes"]}


def values(**changes: Any) -> str:
    return yaml.safe_dump({**yaml.safe_load(VALUES), **changes})


def composed(service: str, **changes: Any) -> str:
    data = yaml.safe_load(COMPOSE)
    data["services"][service] |= changes
    return yaml.safe_dump(data)


def environment(**variables: Any) -> str:
    return composed(
        "weaviate",
        environment={**yaml.safe_load(COMPOSE)["services"]["weaviate"]["environment"], **variables},
    )


def test_the_documented_compose_file_becomes_a_resource() -> None:
    assert spec_of(COMPOSE) == {
        "inference": {
            "image": {
                "registry": "cr.weaviate.io",
                "repository": "semitechnologies/multi2vec-bind",
                "tag": "imagebind",
            },
            "resources": {"requests": {"cpu": "1", "memory": "3Gi"}, "limits": {"memory": "12Gi"}},
            "model": {"licenseAccepted": True},
        },
        "weaviate": {
            "version": "1.38.2",
            "authentication": {"anonymousAccess": True},
            "env": {"QUERY_DEFAULTS_LIMIT": "25"},
        },
    }
    assert all(level == "advice" for level, _ in notes_of(COMPOSE).values())


def test_the_documented_values_become_a_resource_as_upstream_s_defaults_have_it() -> None:
    spec = spec_of(VALUES)
    assert spec["weaviate"] == {
        "version": "1.38.2",
        "service": {"type": "LoadBalancer"},
        "authentication": {"anonymousAccess": True},
        "env": {"QUERY_DEFAULTS_LIMIT": "100", "QUERY_MAXIMUM_RESULTS": "100000"},
    }
    assert spec["values"] == {"modules": {"default_vectorizer_module": "none"}}
    assert spec["inference"]["image"]["tag"] == "imagebind"


@pytest.mark.parametrize(
    ("changes", "path", "expected"),
    [
        ({"replicas": 3}, "weaviate.replicas", 3),
        ({"storage": {"size": "9Gi", "storageClassName": "fast"}}, "weaviate.storage.size", "9Gi"),
        (
            {"storage": {"size": "9Gi", "storageClassName": "fast"}},
            "weaviate.storage.storageClassName",
            "fast",
        ),
        ({"nodeSelector": {"a": "b"}}, "weaviate.nodeSelector", {"a": "b"}),
        ({"nodeSelector": {"a": "b"}}, "inference.nodeSelector", {"a": "b"}),
        ({"resources": {"limits": {"memory": "9Gi"}}}, "weaviate.resources.limits", {"memory": "9Gi"}),
        ({"resources": {"requests": {"cpu": 2}}}, "weaviate.resources.limits", {}),
        ({"env": {"GOGC": 50}}, "weaviate.env.GOGC", "50"),
        ({"env": {"DISABLE_TELEMETRY": True}}, "weaviate.env.DISABLE_TELEMETRY", "true"),
        ({"envSecrets": {"OPENAI_APIKEY": "s"}}, "values.envSecrets.OPENAI_APIKEY", "s"),
        ({"service": {"type": "NodePort"}}, "weaviate.service.type", "NodePort"),
        ({"priorityClassName": "high"}, "weaviate.priorityClassName", "high"),
        ({"serviceAccountName": "me"}, "inference.serviceAccount.name", "me"),
        ({"image": {"tag": "v1.38.2"}}, "weaviate.version", "1.38.2"),
        ({"image": {"tag": "1.38.2", "pullSecrets": [{"name": "p"}]}}, "weaviate.image.pullSecrets", ["p"]),
        ({"mcp": {"enabled": True}}, "weaviate.mcp.enabled", True),
        ({"query_defaults": {"limit": 7}}, "weaviate.env.QUERY_DEFAULTS_LIMIT", "7"),
        ({"terminationGracePeriodSeconds": 60}, "values.terminationGracePeriodSeconds", 60),
    ],
)
def test_a_value_with_a_counterpart_is_set(changes: dict[str, Any], path: str, expected: Any) -> None:
    node: Any = spec_of(values(**changes))
    for part in path.split("."):
        node = node[part]
    assert node == expected


def test_a_gpu_is_asked_for_in_the_resource_s_words() -> None:
    data = yaml.safe_load(VALUES)
    data["modules"]["multi2vec-bind"] |= {
        "envconfig": {"enable_cuda": True},
        "resources": {"limits": {"memory": "12Gi", "nvidia.com/mig-1g.10gb": 2}},
    }
    spec = spec_of(yaml.safe_dump(data))
    assert (spec["device"], spec["gpu"]) == ("CUDA", {"resourceName": "nvidia.com/mig-1g.10gb", "count": 2})
    assert spec["inference"]["resources"]["limits"] == {"memory": "12Gi"}


def test_a_gpu_of_docker_is_one_too() -> None:
    device = {"driver": "nvidia", "count": 2, "capabilities": ["gpu"]}
    deploy = {"resources": {"reservations": {"devices": [device]}}}
    spec = spec_of(composed("multi2vec-bind", environment=["ENABLE_CUDA=1"], deploy=deploy))
    assert (spec["device"], spec["gpu"]) == ("CUDA", {"count": 2})


def test_our_own_server_s_variables_are_fields() -> None:
    server = {
        "image": "ghcr.io/bindvectorizer/bind-inference:0.1.0-cpu",
        "environment": {
            "BIND_MODEL": "ImageBindHuge",
            "BIND_PRECISION": "bfloat16",
            "BIND_MAX_BATCH_SIZE": 64,
            "BIND_CACHE_DIR": "/cache",
            "BIND_TEXT_CACHE_BYTES": 0,
        },
    }
    inference = spec_of(composed("multi2vec-bind", **server))["inference"]
    assert "image" not in inference
    assert inference["model"]["precision"] == "bfloat16"
    assert inference["batching"] == {"maxBatchSize": 64}
    assert inference["extraEnv"] == [{"name": "BIND_TEXT_CACHE_BYTES", "value": "0"}]


def test_keys_are_entries_of_a_secret_and_nowhere_in_the_resource() -> None:
    apikey = {"enabled": True, "allowed_keys": ["hush-1", "hush-2"], "users": ["jane@doe.com", "ian"]}
    admins = {"enabled": True, "users": ["jane@doe.com"], "read_only_users": ["ian"]}
    text = values(
        authentication={"anonymous_access": {"enabled": False}, "apikey": apikey},
        authorization={"admin_list": admins},
    )
    result = convert("-", text=text)
    assert yaml.safe_load(result.stdout)["spec"]["weaviate"]["authentication"] == {
        "apiKeys": {
            "secretName": "search-api-keys",
            "entries": [
                {"entry": "jane-doe.com", "user": "jane@doe.com"},
                {"entry": "ian", "user": "ian"},
            ],
        },
        "adminUsers": ["jane@doe.com"],
        "readOnlyUsers": ["ian"],
    }
    assert "hush" not in result.output
    assert "kubectl create secret generic search-api-keys --from-file=jane-doe.com=FILE" in result.stderr


def test_without_authorization_every_key_may_do_everything() -> None:
    text = environment(
        AUTHENTICATION_APIKEY_ENABLED="true",
        AUTHENTICATION_APIKEY_ALLOWED_KEYS="a,b",
        AUTHENTICATION_APIKEY_USERS="root",
    )
    assert spec_of(text)["weaviate"]["authentication"] == {
        "anonymousAccess": True,
        "apiKeys": {
            "secretName": "search-api-keys",
            "entries": [{"entry": "root", "user": "root"}, {"entry": "root-2", "user": "root"}],
        },
        "adminUsers": ["root", "anonymous"],
        "readOnlyUsers": [],
    }


def test_an_issuer_and_rbac_are_kept() -> None:
    text = environment(
        AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED="false",
        AUTHENTICATION_OIDC_ENABLED="true",
        AUTHENTICATION_OIDC_ISSUER="https://issuer.example.com",
        AUTHENTICATION_OIDC_CLIENT_ID="search",
        AUTHENTICATION_OIDC_GROUPS_CLAIM="groups",
        AUTHORIZATION_RBAC_ENABLED="true",
        AUTHORIZATION_RBAC_ROOT_USERS="jane",
        AUTHORIZATION_RBAC_ROOT_GROUPS="ops",
    )
    assert spec_of(text)["weaviate"]["authentication"] == {
        "oidc": {"issuer": "https://issuer.example.com", "clientId": "search", "groupsClaim": "groups"},
        "authorization": "RBAC",
        "adminUsers": ["jane"],
        "adminGroups": ["ops"],
    }


def test_backups_go_on_to_the_same_bucket_with_credentials_of_a_secret() -> None:
    s3 = {
        "enabled": True,
        "envconfig": {"BACKUP_S3_BUCKET": "b", "BACKUP_S3_USE_SSL": False, "AWS_REGION": "eu-west-1"},
        "secrets": {"AWS_ACCESS_KEY_ID": "hush", "AWS_SECRET_ACCESS_KEY": "hush"},
    }
    result = convert("-", text=values(backups={"s3": s3}))
    backup = yaml.safe_load(result.stdout)["spec"]["weaviate"]["backup"]
    assert backup == {
        "s3": {
            "bucket": "b",
            "region": "eu-west-1",
            "useSsl": False,
            "credentialsSecret": "search-backup",
        }
    }
    assert "hush" not in result.output


def test_a_key_of_an_api_is_left_to_a_secret() -> None:
    text = environment(OPENAI_APIKEY="$OPENAI_APIKEY", ENABLE_MODULES="multi2vec-bind,generative-openai")
    assert spec_of(text)["values"] == {"envSecrets": {"OPENAI_APIKEY": "search-env"}}
    assert "OPENAI_APIKEY" not in spec_of(text)["weaviate"]["env"]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (values(collectionExport={"enabled": True}), "collectionExport.enabled"),
        (values(fantasy=1), "fantasy"),
        (values(grpcService={"enabled": False}), "grpcService.enabled"),
        (
            values(modules={**yaml.safe_load(VALUES)["modules"], "text2vec-transformers": {"enabled": True}}),
            "modules.text2vec-transformers",
        ),
        (composed("weaviate", env_file="x.env"), "services.weaviate.env_file"),
        (composed("weaviate", labels={"a": "b"}), "services.weaviate.labels"),
        (composed("weaviate", fantasy=True), "services.weaviate.fantasy"),
        (composed("multi2vec-bind", ports=["1:8080"]), "services.multi2vec-bind.ports"),
        (environment(OTHER_INFERENCE_API="http://x"), "services.weaviate.environment.OTHER_INFERENCE_API"),
        (environment(PLAIN="${UNSET}"), "services.weaviate.environment.PLAIN"),
    ],
)
def test_what_has_no_counterpart_is_named_and_strictly_ends_with_1(text: str, field: str) -> None:
    assert notes_of(text)[field][0] == "lost"
    assert convert("-", text=text).exit_code == 0
    assert convert("--strict", "-", text=text).exit_code == 1


def test_a_note_has_its_file_and_line(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(VALUES, encoding="utf-8")
    second.write_text("replicas: 2\ncollectionExport:\n  enabled: true\n", encoding="utf-8")
    result = convert(str(first), str(second))
    assert yaml.safe_load(result.stdout)["spec"]["weaviate"]["replicas"] == 2
    assert f"{second}:3: lost: collectionExport.enabled: has no counterpart; " in result.stderr


def test_a_server_elsewhere_is_asked_on() -> None:
    data = yaml.safe_load(VALUES)
    data["modules"]["multi2vec-bind"] = {"enabled": False, "inferenceUrl": "http://bind.example.com:8080"}
    spec = spec_of(yaml.safe_dump(data))
    assert spec["inference"]["external"] == {"url": "http://bind.example.com:8080"}


def test_the_licence_is_accepted_by_the_user_alone() -> None:
    result = convert("-", text=VALUES, accepts=False)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "licenseAccepted: must be true" in result.stderr
    assert spec_of(VALUES, "--tiny")["inference"]["model"]["name"] == "Tiny"


@pytest.mark.parametrize(("text", "said"), [("a: 1", "is neither"), ("- a", "is no map"), ("", "nothing in")])
def test_other_files_are_no_question_that_can_be_answered(text: str, said: str) -> None:
    result = convert("-", text=text)
    assert result.exit_code == 2
    assert said in result.stderr


WEIRD = (None, 1, "${A:-b}", [1], {"a": 1})


def paths(node: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of each value below the root."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in pairs:
        yield (*path, key)
        yield from paths(child, (*path, key))


@pytest.mark.parametrize("text", [COMPOSE, VALUES, values(**RICH)], ids=["compose", "values", "rich values"])
def test_no_value_makes_it_break(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be understood is named, refused or passed on; the program goes on to answer."""
    monkeypatch.setattr(conversion, "render_one", lambda *_: "")
    base = yaml.safe_load(text)
    for path in paths(base):
        for value in WEIRD:
            changed = copy.deepcopy(base)
            node = changed
            for part in path[:-1]:
                node = node[part]
            node[path[-1]] = value
            result = convert("-", text=json.dumps(changed))
            assert isinstance(result.exception, SystemExit | None), (path, value, result.exception)


def test_values_that_the_chart_does_not_take_are_refused() -> None:
    result = convert("-", text=values(updateStrategy="now"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert (
        "the resource would be refused: spec.values: the chart does not take updateStrategy" in result.stderr
    )
