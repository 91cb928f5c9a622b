"""A values file for upstream's chart does the same here; what cannot is named, or refused by its path."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from support.charts import CHARTS, NAMESPACE, RELEASE, containers, env, helm, pick, pod_specs, render

if TYPE_CHECKING:
    import subprocess

# As upstream documents its keys: what its own values.yaml has, with nothing in it changed but the module.
UPSTREAM = yaml.safe_load(
    """
command: [/bin/weaviate]
args: [--host, 0.0.0.0, --port, "8080", --scheme, http, --config-file, /weaviate-config/conf.yaml]
initContainers:
  sysctlInitContainer:
    enabled: true
    sysctlVmMaxMapCount: 524288
    image: {registry: docker.io, repo: alpine, tag: latest, pullPolicy: IfNotPresent}
  ensureFileOwnershipContainer: {enabled: false}
  extraInitContainers: {}
resources: {}
securityContext: {}
containerSecurityContext: {}
serviceAccountName:
service: {name: weaviate, type: LoadBalancer, clusterIP: , annotations: {}, loadBalancerSourceRanges: []}
grpcService: {enabled: true, name: weaviate-grpc, type: LoadBalancer, clusterIP: }
mcp: {enabled: false, writeAccessEnabled: false, config: }
startupProbe:
  enabled: false
  probeType: httpGet
  probe: {httpGet: {path: /v1/.well-known/ready, port: 8080}}
  initialDelaySeconds: 300
livenessProbe:
  probeType: httpGet
  probe: {httpGet: {path: /v1/.well-known/live, port: 8080}}
  initialDelaySeconds: 900
  successThreshold: 1
readinessProbe:
  probeType: httpGet
  probe: {httpGet: {path: /v1/.well-known/ready, port: 8080}}
authentication: {anonymous_access: {enabled: true}, oidc: {enabled: false}}
authorization: {rbac: {enabled: false}, admin_list: {enabled: false}}
query_defaults: {limit: 100}
debug: false
namespaces: {enabled: false}
env: {GOGC: 100, PROMETHEUS_MONITORING_ENABLED: false}
envSecrets:
offload:
  s3: {enabled: false, serviceAccountName: , envconfig: {OFFLOAD_S3_BUCKET: b}, secrets: {}, envSecrets: {}}
usage: {gcs: {enabled: false, envconfig: {USAGE_GCS_BUCKET: b}}, s3: {enabled: false}}
backups:
  filesystem: {enabled: false, envconfig: {BACKUP_FILESYSTEM_PATH: /tmp/backups}}
  s3: {enabled: false, serviceAccountName: , secrets: {}, envSecrets: {}}
  gcs: {enabled: false, secrets: {}, envSecrets: {}}
  azure: {enabled: false, secrets: {}, envSecrets: {}}
collectionExport: {enabled: false, envconfig: {EXPORT_DEFAULT_BUCKET: b, EXPORT_DEFAULT_PATH: ""}}
modules:
  text2vec-transformers:
    enabled: false
    inferenceUrl: {}
    repo: r
    nodeSelector:
    passageQueryServices: {passage: {enabled: false, inferenceUrl: {}}, query: {enabled: false}}
  generative-openai: {enabled: false, apiKey: "", azureApiKey: ""}
  generative-ollama: {enabled: false}
  text2vec-aws: {enabled: false, secrets: {}, envSecrets: {}}
  multi2vec-bind:
    enabled: true
    inferenceUrl: {}
    tag: imagebind
    repo: semitechnologies/multi2vec-bind
    registry: cr.weaviate.io
    strategy: {type: RollingUpdate}
    fullnameOverride: bind-inference
    livenessProbe: {initialDelaySeconds: 120, periodSeconds: 3, timeoutSeconds: 3}
    envconfig: {enable_cuda: false, nvidia_visible_devices: all, ld_library_path: /usr/local/nvidia/lib64}
    resources: {}
    serviceAccountName:
    nodeSelector:
    tolerations:
  default_vectorizer_module: none
custom_config_map: {enabled: false, name: custom-config}
runtime_overrides: {enabled: false, path: /config/overrides.yaml, load_interval: 2m, values: {}}
annotations:
extraVolumes:
extraVolumeMounts:
nodeSelector:
tolerations:
hostAliases:
globalPriorityClassName: ""
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 1
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector: {matchExpressions: [{key: app, operator: In, values: [weaviate]}]}
podDisruptionBudgets:
  weaviate: {enabled: false, spec: {minAvailable: 50%}}
  text2vec-transformers: {enabled: false, spec: {minAvailable: 1}}
"""
)


@pytest.fixture
def run(tmp_path: Path):
    """Run helm with upstream's values and what is laid over them."""

    def call(command: str, over: dict[str, Any] | None = None) -> "subprocess.CompletedProcess[str]":
        file, more = tmp_path / "values.json", tmp_path / "more.json"
        file.write_text(json.dumps(UPSTREAM))
        more.write_text(json.dumps(over or {}))
        files = ("--values", file, "--values", more)
        return helm(*command.split(), RELEASE, CHARTS / "weaviate-bind", "--namespace", NAMESPACE, *files)

    return call


@pytest.fixture
def objects(run):
    """Return what upstream's values and what is laid over them render."""

    def call(**over: Any) -> list[dict[str, Any]]:
        done = run("template", over)
        assert done.returncode == 0, done.stderr
        return [item for item in yaml.safe_load_all(done.stdout) if item]

    return call


def _weaviate(objects: list[dict[str, Any]]) -> dict[str, Any]:
    return containers(_pod(objects))["weaviate"]


def _pod(objects: list[dict[str, Any]], of: str = f"StatefulSet/{RELEASE}-weaviate") -> dict[str, Any]:
    found: dict[str, Any] = pod_specs(objects)[of]
    return found


INFERENCE = f"Deployment/{RELEASE}-inference"


def test_upstream_s_own_values_install_and_the_notes_name_what_is_not_here(run) -> None:
    done = run("install --dry-run=client")
    assert done.returncode == 0, done.stderr
    notes = done.stdout.partition("NOTES:")[2]
    for path in (
        "affinity",
        "grpcService.name",
        "initContainers.sysctlInitContainer.enabled",
        "modules.multi2vec-bind.fullnameOverride",
        "service.name",
    ):
        assert f"\n  {path}: " in notes
    for silent in ("debug", "ensureFileOwnershipContainer", "offload"):
        assert silent not in notes


def test_by_itself_the_chart_has_nothing_to_name() -> None:
    tiny = ("--set", "modules.multi2vec-bind.model.name=Tiny")
    done = helm("install", RELEASE, CHARTS / "weaviate-bind", "--dry-run=client", *tiny)
    assert done.returncode == 0, done.stderr
    assert "say what this chart has not" not in done.stdout


def test_each_key_does_what_it_does_upstream(objects) -> None:
    found = objects()
    weaviate = _weaviate(found)
    assert "startupProbe" not in weaviate
    assert weaviate["livenessProbe"]["httpGet"] == {"path": "/v1/.well-known/live", "port": 8080}
    assert weaviate["livenessProbe"]["initialDelaySeconds"] == 900
    variables = env(weaviate)
    assert variables["ENABLE_MODULES"] == "multi2vec-bind"
    assert variables["DEFAULT_VECTORIZER_MODULE"] == "none"
    assert variables["QUERY_DEFAULTS_LIMIT"] == "100"
    assert variables["GOGC"] == "100"
    for service in ("weaviate", "weaviate-grpc"):
        assert pick(found, "Service", service)["spec"]["type"] == "LoadBalancer"
    server = containers(_pod(found, INFERENCE))["inference"]
    assert server["image"] == "cr.weaviate.io/semitechnologies/multi2vec-bind:imagebind"
    assert server["livenessProbe"]["initialDelaySeconds"] == 120


def test_a_probe_may_be_of_another_kind(objects, run) -> None:
    command = {"command": ["/bin/sh", "-c", "true"]}
    found = objects(
        startupProbe={"enabled": True},
        readinessProbe={"probeType": "exec", "probe": {"exec": command}},
    )
    weaviate = _weaviate(found)
    assert weaviate["readinessProbe"]["exec"] == command
    assert "httpGet" not in weaviate["readinessProbe"]
    assert weaviate["startupProbe"]["httpGet"]["path"] == "/v1/.well-known/ready"
    assert "probe.exec says nothing" in run("template", {"livenessProbe": {"probeType": "exec"}}).stderr


def test_switches_bring_their_modules_variables_and_secrets(objects) -> None:
    on = {"enabled": True}
    variables = env(
        _weaviate(
            objects(
                offload={"s3": {**on, "envSecrets": {"AWS_ACCESS_KEY_ID": "aws"}}},
                usage={"gcs": on},
                collectionExport=on,
                namespaces=on,
                backups={"gcs": {**on, "envSecrets": {"GOOGLE_APPLICATION_CREDENTIALS": "google"}}},
            )
        )
    )
    assert variables["ENABLE_MODULES"] == "multi2vec-bind,backup-gcs,offload-s3,usage-gcs"
    assert variables["OFFLOAD_S3_BUCKET"] == variables["USAGE_GCS_BUCKET"] == "b"
    assert variables["AWS_ACCESS_KEY_ID"] == {"secretKeyRef": {"name": "aws", "key": "AWS_ACCESS_KEY_ID"}}
    assert (variables["EXPORT_ENABLED"], variables["EXPORT_DEFAULT_BUCKET"]) == ("true", "b")
    assert (variables["NAMESPACES_ENABLED"], variables["DISABLE_GRAPHQL"]) == ("true", "true")


def test_google_s_credentials_are_a_file_as_upstream_mounts_them(objects) -> None:
    secrets = {"GOOGLE_APPLICATION_CREDENTIALS": "google"}
    found = objects(backups={"gcs": {"enabled": True, "envSecrets": secrets}})
    path = env(_weaviate(found))["GOOGLE_APPLICATION_CREDENTIALS"]
    mount = next(one for one in _weaviate(found)["volumeMounts"] if path.startswith(one["mountPath"]))
    volume = next(one for one in _pod(found)["volumes"] if one["name"] == mount["name"])
    assert volume["secret"]["secretName"] == "google"
    assert volume["secret"]["items"][0]["key"] == "GOOGLE_APPLICATION_CREDENTIALS"


def test_a_configuration_of_one_s_own_is_mounted_and_alone_says_who_may_ask(objects) -> None:
    found = objects(custom_config_map={"enabled": True}, args=["--port", "8080"])
    weaviate = _weaviate(found)
    assert weaviate["args"][-2:] == ["--config-file", "/weaviate-config/conf.yaml"]
    assert {"name": "weaviate-config", "mountPath": "/weaviate-config", "readOnly": True} in weaviate[
        "volumeMounts"
    ]
    assert {"name": "weaviate-config", "configMap": {"name": "custom-config"}} in _pod(found)["volumes"]
    assert [name for name in env(weaviate) if name.startswith("AUTH")] == []


def test_overrides_and_tool_descriptions_are_files(objects) -> None:
    found = objects(
        runtime_overrides={"enabled": True, "values": {"auto_schema_enabled": False}},
        mcp={"enabled": True, "writeAccessEnabled": True, "config": {"tools": {"a": {"description": "b"}}}},
    )
    variables = env(_weaviate(found))
    for variable, name, content in (
        ("RUNTIME_OVERRIDES_PATH", "weaviate-runtime-overrides", {"auto_schema_enabled": False}),
        ("MCP_SERVER_CONFIG_PATH", "weaviate-mcp-config", {"tools": {"a": {"description": "b"}}}),
    ):
        folder, _, file = variables[variable].rpartition("/")
        mount = next(one for one in _weaviate(found)["volumeMounts"] if one["mountPath"] == folder)
        volume = next(one for one in _pod(found)["volumes"] if one["name"] == mount["name"])
        assert volume["configMap"]["name"] == f"{RELEASE}-{name}"
        assert yaml.safe_load(pick(found, "ConfigMap", name)["data"][file]) == content
    assert variables["MCP_SERVER_WRITE_ACCESS_ENABLED"] == "true"
    assert variables["RUNTIME_OVERRIDES_LOAD_INTERVAL"] == "2m"


ROOT = {
    "nodeSelector": {"pool": "search"},
    "tolerations": [{"operator": "Exists"}],
    "serviceAccountName": "search",
    "affinity": {"nodeAffinity": {}, "podAntiAffinity": None},
}


def test_inference_pods_are_placed_as_the_root_says_unless_they_have_their_own(objects) -> None:
    pod = _pod(objects(**ROOT, globalPriorityClassName="high"), INFERENCE)
    assert pod["nodeSelector"] == {"pool": "search"}
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["serviceAccountName"] == "search"
    assert pod["priorityClassName"] == "high"
    own = {"nodeSelector": {}, "tolerations": [], "serviceAccountName": "", "affinity": {}}
    pod = _pod(objects(**ROOT, modules={"multi2vec-bind": own}), INFERENCE)
    assert {"nodeSelector", "tolerations", "serviceAccountName"} & set(pod) == set()
    assert "podAntiAffinity" in pod["affinity"]


def test_pods_that_share_a_volume_stay_on_one_node_wherever_the_root_sends_them() -> None:
    bind = {"replicas": 2, "cache": {"scope": "Shared"}, "model": {"licenseAccepted": True}}
    affinity = {"nodeAffinity": {"x": {}}}
    found = render(
        "weaviate-bind",
        "--set-json",
        f"affinity={json.dumps(affinity)}",
        "--set-json",
        f"modules.multi2vec-bind={json.dumps(bind)}",
    )
    assert set(_pod(found, INFERENCE)["affinity"]) == {"nodeAffinity", "podAffinity"}


@pytest.mark.parametrize(
    ("over", "message"),
    [
        (
            {"modules": {"generative-openai": {"enabled": True, "apiKey": "sk"}}},
            "generative-openai.apiKey is a key as text",
        ),
        (
            {"modules": {"text2vec-aws": {"enabled": True, "secrets": {"AWS_ACCESS_KEY_ID": "x"}}}},
            "text2vec-aws.secrets",
        ),
        ({"modules": {"text2vec-transformers": {"enabled": True}}}, "runs no server for it"),
        (
            {"backups": {"s3": {"enabled": True, "secrets": {"AWS_ACCESS_KEY_ID": "x"}}}},
            "backups.s3.secrets is set",
        ),
        ({"env": {"RAFT_JOIN": "weaviate-0,weaviate-1"}}, "env.RAFT_JOIN has weaviate-0"),
        ({"custom_config_map": {"enabled": True, "name": ""}}, "custom_config_map.name"),
        ({"modules": {"generative-openia": {"enabled": True}}}, "generative-openia"),
    ],
)
def test_what_would_mean_something_else_is_refused_by_its_path(
    run, over: dict[str, Any], message: str
) -> None:
    done = run("template", over)
    assert done.returncode != 0, "helm rendered what it should refuse"
    assert message in done.stderr


def test_what_is_turned_off_is_not_refused(objects) -> None:
    objects(
        backups={"s3": {"secrets": {"AWS_ACCESS_KEY_ID": "x"}}},
        modules={"generative-openai": {"apiKey": "sk"}, "text2vec-transformers": {"repo": "x"}},
    )
