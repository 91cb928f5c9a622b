"""What the resource refuses of labels, annotations and volumes, the chart refuses too."""

import json
from typing import Any

import pytest

from bind_operator.api.rules.customization import (
    GATE_CHECKSUM,
    MOUNTS,
    RESERVED_DOMAINS,
    RESERVED_LABELS,
    VOLUMES,
)
from support.charts import pick, pod_specs, refusal, render

TINY = ("--set", "modules.multi2vec-bind.model.name=Tiny", "--set-json")


def refused(section: str, name: str, content: Any) -> None:
    path = name if section == "weaviate" else f"modules.multi2vec-bind.{name}"
    assert f"{path} has " in refusal("weaviate-bind", *TINY, f"{path}={json.dumps(content)}")


@pytest.mark.parametrize("label", [*RESERVED_LABELS, "helm.sh/chart", "bindvectorizer.dev/x"])
def test_a_reserved_label_is_refused_by_the_chart(label: str) -> None:
    refused("weaviate", "commonLabels", {label: "x"})


@pytest.mark.parametrize("key", [GATE_CHECKSUM, *(f"{domain}x" for domain in RESERVED_DOMAINS)])
def test_a_reserved_annotation_is_refused_by_the_chart(key: str) -> None:
    refused("weaviate", "commonAnnotations", {key: "x"})
    refused("inference", "annotations", {key: "x"})


@pytest.mark.parametrize("section", VOLUMES)
def test_volumes_and_mounts_of_the_chart_are_known_and_refused(section: str) -> None:
    for name in VOLUMES[section]:
        refused(section, "extraVolumes", [{"name": name}])
    for path in MOUNTS[section]:
        refused(section, "extraVolumeMounts", [{"name": "x", "mountPath": path}])


@pytest.mark.parametrize(("section", "kind"), [("weaviate", "StatefulSet"), ("inference", "Deployment")])
def test_the_lists_have_all_that_the_chart_makes(section: str, kind: str) -> None:
    set_ = ("model.licenseAccepted=true", "apiKeys.existingSecret=k", "model.weights.existingClaim.name=c")
    objects = render("weaviate-bind", "--set", ",".join(f"modules.multi2vec-bind.{one}" for one in set_))
    workload = pick(objects, kind, section)
    spec = pod_specs([workload])[f"{kind}/shop-{section}"]
    claims = [one["metadata"]["name"] for one in workload["spec"].get("volumeClaimTemplates", [])]
    assert {*(one["name"] for one in spec["volumes"]), *claims} <= set(VOLUMES[section])
    (main,) = spec["containers"]
    assert {one["mountPath"] for one in main["volumeMounts"]} <= set(MOUNTS[section])
