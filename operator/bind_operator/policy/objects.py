"""Raw API objects become facts here; these labels find them."""

from collections.abc import Iterable, Mapping
from typing import Any

from bind_operator.api.identity import BACKUP_ANNOTATION, RECONCILE_ANNOTATION
from bind_operator.policy.facts import Component, Workload
from bind_operator.policy.names import CHART

Object = Mapping[str, Any]
"""It is an object of the Kubernetes API, as its JSON was parsed."""

RELEASE_ANNOTATION = "meta.helm.sh/release-name"
NAMESPACE_ANNOTATION = "meta.helm.sh/release-namespace"
POLICY_ANNOTATION = "helm.sh/resource-policy"
DRIVER_LABEL = "bindvectorizer.dev/helm-driver"
NAME_LABEL = "app.kubernetes.io/name"
INSTANCE_LABEL = "app.kubernetes.io/instance"
COMPONENT_LABEL = "app.kubernetes.io/component"
TEMPLATE_LABEL = "pod-template-hash"
"""A ReplicaSet and its pods bear it: it says from which pod template of the Deployment they were made."""
REVISION_ANNOTATION = "deployment.kubernetes.io/revision"


def is_deleting(item: Object) -> bool:
    """Return whether somebody has deleted the object, and something still holds it."""
    return "deletionTimestamp" in item["metadata"]


def is_kept_by_helm(item: Object) -> bool:
    """Return whether an object of a release stays when that is uninstalled."""
    return bool(item["metadata"].get("annotations", {}).get(POLICY_ANNOTATION) == "keep")


def request_of(resource: Object) -> str | None:
    """Return the value of the annotation by which a person asks for an attempt at once; None for none."""
    value: str | None = resource["metadata"].get("annotations", {}).get(RECONCILE_ANNOTATION)
    return value


def backup_request_of(resource: Object) -> str | None:
    """Return the value of the annotation by which a person asks for a backup at once; None for none."""
    value: str | None = resource["metadata"].get("annotations", {}).get(BACKUP_ANNOTATION)
    return value


def instance_selector(name: str) -> str:
    """Return the label selector of all that release `name` makes."""
    return f"{NAME_LABEL}={CHART},{INSTANCE_LABEL}={name}"


def component_of(pod: Object) -> Component | None:
    """Return which workload a pod belongs to."""
    label = pod["metadata"].get("labels", {}).get(COMPONENT_LABEL)
    return Component(label) if label in set(Component) else None


def template_of(item: Object) -> str | None:
    """Return the template that a ReplicaSet or a Deployment's pod was made from; None for other pods."""
    label: str | None = item["metadata"].get("labels", {}).get(TEMPLATE_LABEL)
    return label


def newest_template(replica_sets: Iterable[Object]) -> str | None:
    """Return the template that a Deployment rolls out, by its ReplicaSets.

    Not that of the youngest one: a Deployment that goes back to an earlier template takes its old
    ReplicaSet again, and gives it the highest revision.
    """

    def revision(item: Object) -> int:
        number = item["metadata"].get("annotations", {}).get(REVISION_ANNOTATION, "")
        return int(number) if number.isdigit() else 0

    newest = max(replica_sets, key=revision, default=None)
    return template_of(newest) if newest else None


def read_workload(item: Object, driver: str = "") -> Workload:
    """Return the facts of a Deployment or StatefulSet.

    driver: value of the label that says where Helm's records lie; one with another tells no release.
    """
    metadata, spec, status = item["metadata"], item["spec"], item.get("status", {})
    wanted = spec.get("replicas", 1)
    is_seen = status.get("observedGeneration", 0) >= metadata.get("generation", 0)
    records = metadata.get("labels", {}).get(DRIVER_LABEL, "")
    are_new = status.get("updatedReplicas", 0) == status.get("replicas", 0)
    is_whole = status.get("updatedReplicas", 0) == wanted == status.get("replicas", 0)
    late = (c for c in status.get("conditions", []) if c.get("reason") == "ProgressDeadlineExceeded")
    failures = [c for c in status.get("conditions", []) if c["type"] == "ReplicaFailure"]
    return Workload(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        release=metadata.get("annotations", {}).get(RELEASE_ANNOTATION) if records == driver else None,
        wanted=wanted,
        ready=status.get("readyReplicas", 0),
        is_current=is_seen and is_whole,
        is_updated=is_seen and are_new,
        stuck=next((c.get("message", "") for c in late), "") if is_seen else "",
        refusal=next((c.get("message", "") for c in failures if c["status"] == "True"), ""),
    )
