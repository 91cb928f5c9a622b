"""Labels, annotations, and what pods have beside the chart's own."""

from typing import Any

import pytest
import yaml

from support.charts import CHARTS, containers, env, pick, refusal, render

SCENARIO = CHARTS / "weaviate-bind" / "ci" / "customized-values.yaml"
TINY = ("--set", "modules.multi2vec-bind.model.name=Tiny")
BIND = "modules.multi2vec-bind."


def objects() -> list[dict[str, Any]]:
    return render("weaviate-bind", "--values", SCENARIO)


def template(kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = pick(objects(), kind, name)["spec"]["template"]
    return found


def test_every_object_has_the_common_labels_and_annotations() -> None:
    for item in objects():
        metadata = item["metadata"]
        assert metadata["labels"]["team"] == "search", metadata["name"]
        owner = "edge" if item["kind"] == "Service" and metadata["name"] == "shop-weaviate" else "search"
        assert metadata["annotations"]["example.com/owner"] == f"{owner}@example.com", metadata["name"]


def test_pods_have_common_labels_and_their_own_and_no_common_annotations() -> None:
    for kind, name, billing in (
        ("StatefulSet", "weaviate", "database"),
        ("Deployment", "inference", "models"),
    ):
        metadata = template(kind, name)["metadata"]
        assert (metadata["labels"]["team"], metadata["labels"]["billing"]) == ("search", billing)
        assert metadata["annotations"]["example.com/scrape"] == "true"
        assert "example.com/owner" not in metadata["annotations"]
        selector = pick(objects(), kind, name)["spec"]["selector"]["matchLabels"]
        assert {key.removeprefix("app.kubernetes.io/") for key in selector} == {
            "name",
            "instance",
            "component",
        }


def test_the_gates_own_pods_have_theirs() -> None:
    apart = render("weaviate-bind", "--values", SCENARIO, "--set", "gate.mode=Deployment")
    metadata = pick(apart, "Deployment", "gate")["spec"]["template"]["metadata"]
    assert metadata["labels"]["billing"] == "proxy"
    assert metadata["annotations"]["example.com/scrape"] == "false"
    assert "checksum/gate" in metadata["annotations"]


def test_the_claim_is_kept_whatever_is_common() -> None:
    arguments = ("--set", f"{BIND}model.licenseAccepted=true", "--set", "commonAnnotations.a=b")
    claim = pick(render("weaviate-bind", *arguments), "PersistentVolumeClaim")
    assert claim["metadata"]["annotations"] == {"a": "b", "helm.sh/resource-policy": "keep"}


@pytest.mark.parametrize(("kind", "name"), [("StatefulSet", "weaviate"), ("Deployment", "inference")])
def test_a_pod_has_what_is_added(kind: str, name: str) -> None:
    spec = template(kind, name)["spec"]
    values = yaml.safe_load(SCENARIO.read_text())
    own = values if name == "weaviate" else values["modules"]["multi2vec-bind"]
    assert own["extraVolumes"][0] in spec["volumes"]
    assert own["extraVolumeMounts"][0] in containers(spec)[name]["volumeMounts"]
    assert own["envFrom"] == containers(spec)[name]["envFrom"]
    assert {"mesh", "logs", name} <= set(containers(spec))
    for field in ("hostAliases", "dnsPolicy", "dnsConfig"):
        assert spec[field] == own[field]
    assert spec["containers"][0]["name"] == name, "kubectl logs and exec take the first"


def test_a_variable_of_weaviate_goes_before_the_same_elsewhere() -> None:
    arguments = (*TINY, "--set", "env.A=1", "--set", "envSecrets.B=keys", "--set-json")
    added = (
        'extraEnv=[{"name":"A","value":"2"},{"name":"B","value":"3"},{"name":"CLUSTER_HOSTNAME","value":"x"}]'
    )
    spec = pick(render("weaviate-bind", *arguments, added), "StatefulSet")["spec"]["template"]["spec"]
    found = containers(spec)["weaviate"]["env"]
    assert len({one["name"] for one in found}) == len(found)
    chosen = env(containers(spec)["weaviate"])
    assert (chosen["A"], chosen["B"], chosen["CLUSTER_HOSTNAME"]) == ("2", "3", "x")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("commonLabels.app\\.kubernetes\\.io/name=x", "commonLabels has app.kubernetes.io/name"),
        ("podLabels.app\\.kubernetes\\.io/component=x", "podLabels has app.kubernetes.io/component"),
        ("gate.podLabels.bindvectorizer\\.dev/a=x", "gate.podLabels has bindvectorizer.dev/a"),
        (f"{BIND}podLabels.helm\\.sh/chart=x", f"{BIND}podLabels has helm.sh/chart"),
        ("commonAnnotations.helm\\.sh/resource-policy=keep", "commonAnnotations has helm.sh/resource-policy"),
        ("annotations.checksum/gate=x", "annotations has checksum/gate"),
        ("extraVolumes[0].name=tmp", "extraVolumes has tmp, a volume of the chart's"),
        ("extraVolumes[0].name=weaviate-data", "extraVolumes has weaviate-data"),
        (f"{BIND}extraVolumes[0].name=cache", f"{BIND}extraVolumes has cache"),
        ("extraVolumeMounts[0].mountPath=/var/lib/weaviate/", "extraVolumeMounts has /var/lib/weaviate/"),
        (f"{BIND}extraVolumeMounts[0].mountPath=/weights", f"{BIND}extraVolumeMounts has /weights"),
        ("extraContainers[0].name=gate", "extraContainers or its init containers have gate"),
        (f"{BIND}extraInitContainers[0].name=inference", "init containers have inference"),
    ],
)
def test_what_is_the_charts_own_is_refused_by_its_name(setting: str, message: str) -> None:
    assert message in refusal("weaviate-bind", "--skip-schema-validation", *TINY, "--set", setting)


def test_a_volume_without_a_name_is_refused() -> None:
    assert "extraVolumes" in refusal("weaviate-bind", *TINY, "--set-json", 'extraVolumes=[{"emptyDir":{}}]')
