"""Drift is a difference between the objects of a release and what the release made of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bind_operator.api.drift import DriftDetection, DriftMode, IgnoreRule
from bind_operator.policy.facts import Key
from bind_operator.policy.fields import (
    Path,
    build_pointer,
    describe_path,
    find_additions,
    find_differences,
    matches_pointer,
    value_at,
    with_value,
    writer_of,
)
from bind_operator.policy.objects import NAMESPACE_ANNOTATION, RELEASE_ANNOTATION, Object

MAX_MESSAGE = 900
MAX_FIELDS = 6
"""So many fields of one object are named."""

PLURALS: Mapping[str, tuple[str, str]] = {
    "ConfigMap": ("v1", "configmaps"),
    "CronJob": ("batch/v1", "cronjobs"),
    "Deployment": ("apps/v1", "deployments"),
    "GRPCRoute": ("gateway.networking.k8s.io/v1", "grpcroutes"),
    "HTTPRoute": ("gateway.networking.k8s.io/v1", "httproutes"),
    "HorizontalPodAutoscaler": ("autoscaling/v2", "horizontalpodautoscalers"),
    "Ingress": ("networking.k8s.io/v1", "ingresses"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims"),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets"),
    "ScaledObject": ("keda.sh/v1alpha1", "scaledobjects"),
    "Service": ("v1", "services"),
    "ServiceAccount": ("v1", "serviceaccounts"),
    "ServiceMonitor": ("monitoring.coreos.com/v1", "servicemonitors"),
    "StatefulSet": ("apps/v1", "statefulsets"),
}
"""The API version and the path's word of each kind that the chart makes."""

WORKLOADS = ("Deployment", "StatefulSet")
ONLY_PRESENCE = ("PersistentVolumeClaim",)
"""Of these kinds only a missing one is drift: a claim grows by hand too, and can never be put back."""

REPLICAS: Path = ("spec", "replicas")
SCALERS = ("kube-controller-manager", "keda", "keda-operator")
"""These write replicas in the name of an autoscaler, also of one that has no object just now."""


@dataclass(frozen=True, order=True)
class Ref:
    """It names one object of a release; all are in its namespace."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Difference:
    """It is one field that is not as the release made it, or the whole object where its path is empty."""

    path: Path
    writer: str = ""
    """The field manager that wrote it last, as far as that is known."""
    is_added: bool = False
    """The release does not set it; a person added it."""

    def __str__(self) -> str:
        if not self.path:
            return "is missing"
        return describe_path(self.path) + (f" (by {self.writer})" if self.writer else "")


@dataclass(frozen=True)
class Finding:
    """It is what one look found at one object. Equal objects give an equal finding."""

    ref: Ref
    differences: tuple[Difference, ...] = ()
    live: Object | None = field(default=None, compare=False)
    """The object, None if it is not there."""
    unknown: str = ""
    """Why it could not be compared."""


@dataclass(frozen=True)
class Correction:
    """One object has to be put back."""

    finding: Finding
    differences: tuple[Difference, ...]
    """These of the finding's are corrected."""
    kept: tuple[Difference, ...]
    """These are left as they are."""


@dataclass(frozen=True)
class Report:
    """It is what the operator makes of all findings of one look at one release."""

    mode: DriftMode
    corrections: tuple[Correction, ...] = ()
    told: tuple[str, ...] = ()
    """Each object with its fields that are told and not put back."""
    contested: tuple[str, ...] = ()
    """The same where they were put back too often."""
    unknown: tuple[str, ...] = ()


def desired_object(item: Object, key: Key) -> dict[str, Any]:
    """Return an object of a release's manifest as Helm applies it: with what Helm adds to its metadata."""
    metadata = item["metadata"]
    annotations = {RELEASE_ANNOTATION: key.name, NAMESPACE_ANNOTATION: key.namespace}
    return {
        **item,
        "metadata": {
            **metadata,
            "namespace": key.namespace,
            "labels": {**(metadata.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"},
            "annotations": {**(metadata.get("annotations") or {}), **annotations},
        },
    }


def compare(ref: Ref, live: Object, wanted: Object, expected: Object | None) -> Finding:
    """Return what is not as it should be at `live`.

    wanted: what the release sets. expected: the API server's answer to applying it, None if it is sure to
    change nothing.
    """
    paths = [] if expected is None else list(find_differences(_own(live), _own(expected), wanted))
    differences = [Difference(path, writer_of(live, path)) for path in paths]
    if ref.kind in WORKLOADS:
        added = find_additions(live, wanted)
        differences += [Difference(path, writer_of(live, path), is_added=True) for path in added]
    return Finding(ref, tuple(differences), live if differences else None)


def missing(ref: Ref) -> Finding:
    """Return the finding for an object that is not there."""
    return Finding(ref, (Difference(()),))


def _own(item: Object) -> dict[str, Any]:
    """Return `item` without what the API server and controllers keep in it."""
    hidden = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")
    metadata = {name: value for name, value in item["metadata"].items() if name not in hidden}
    return {**{name: value for name, value in item.items() if name != "status"}, "metadata": metadata}


def judge_drift(
    findings: Sequence[Finding],
    detection: DriftDetection,
    is_scaled: Callable[[Ref], bool],
    is_contested: Callable[[Ref, Difference], bool],
) -> Report:
    """Return what to do about `findings`.

    is_scaled: whether an autoscaler has the replicas of a workload. is_contested: whether a field was put
    back too often.
    """
    corrections, told, contested, unknown = [], [], [], []
    for finding in findings:
        if finding.unknown:
            unknown.append(f"{finding.ref}: {finding.unknown}")
        counting = [
            difference
            for difference in finding.differences
            if not _is_ignored(detection.ignore, finding.ref, difference.path)
            and not (_is_scaling(finding.ref, difference) and _has_scaler(finding.ref, difference, is_scaled))
        ]
        fought = [difference for difference in counting if is_contested(finding.ref, difference)]
        rest = [difference for difference in counting if difference not in fought]
        if fought:
            contested.append(_line(finding.ref, fought))
        if rest and _is_corrected(detection.mode, finding):
            kept = tuple(difference for difference in finding.differences if difference not in rest)
            corrections.append(Correction(finding, tuple(rest), kept))
        elif rest and detection.mode is not DriftMode.DISABLED:
            told.append(_line(finding.ref, rest))
    return Report(detection.mode, tuple(corrections), tuple(told), tuple(contested), tuple(unknown))


def _is_corrected(mode: DriftMode, finding: Finding) -> bool:
    is_gone = finding.live is None and finding.ref.kind in WORKLOADS
    return mode is DriftMode.ENABLED or is_gone


def _is_ignored(rules: Sequence[IgnoreRule], ref: Ref, path: Path) -> bool:
    chosen = (rule for rule in rules if rule.kind in (None, ref.kind) and rule.name in (None, ref.name))
    return any(matches_pointer(path, pointer) for rule in chosen for pointer in rule.paths)


def _is_scaling(ref: Ref, difference: Difference) -> bool:
    return ref.kind in WORKLOADS and difference.path == REPLICAS


def _has_scaler(ref: Ref, difference: Difference, is_scaled: Callable[[Ref], bool]) -> bool:
    return difference.writer in SCALERS or is_scaled(ref)


def _line(ref: Ref, differences: Sequence[Difference]) -> str:
    named = [str(difference) for difference in differences[:MAX_FIELDS]]
    more = len(differences) - len(named)
    separator = " " if not differences[0].path else ": "
    return f"{ref}{separator}{', '.join(named)}" + (f" and {more} more" if more else "")


def describe_corrections(corrections: Sequence[Correction]) -> str:
    """Return which objects and fields were put back, without their values: they may be secret."""
    return _joined([_line(one.finding.ref, one.differences) for one in corrections])


def describe_report(report: Report) -> str:
    """Return what is not as the release made it, and why it stays."""
    parts = []
    if report.contested:
        parts.append(
            f"somebody else writes this again and again, so it is not put back for a while: "
            f"{_joined(report.contested)}. Stop who does, or ignore the field by spec.driftDetection.ignore"
        )
    if report.told:
        parts.append(_joined(report.told))
    if report.corrections:
        parts.append(describe_corrections(report.corrections))
    if report.unknown:
        parts.append(f"cannot be compared: {_joined(report.unknown)}")
    return _shorten("; ".join(parts))


def _joined(lines: Sequence[str]) -> str:
    return _shorten("; ".join(lines))


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else f"{text[: MAX_MESSAGE - 1]}…"


def build_body(correction: Correction, wanted: Object) -> dict[str, Any]:
    """Return `wanted` with what is kept as it is in the object, to be applied."""
    body: dict[str, Any] = dict(wanted)
    for difference in correction.kept:
        if difference.path and not difference.is_added:
            body = with_value(body, difference.path, value_at(correction.finding.live, difference.path))
    return body


def build_removal(live: Object, differences: Sequence[Difference]) -> list[dict[str, Any]]:
    """Return the JSON patch that removes what was added to `live`, and nothing newer; [] for nothing."""
    paths = [difference.path for difference in differences if difference.is_added]
    if not paths:
        return []
    version = live["metadata"]["resourceVersion"]
    return [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        *(
            {"op": "remove", "path": build_pointer(path)}
            for path in sorted(paths, key=_position, reverse=True)
        ),
    ]


def without_defaults(finding: Finding, answer: Object) -> Finding:
    """Return `finding` without additions that are the API server's defaults.

    answer: what the API server makes of the object without the additions. Removing a default is without end.
    """
    live = finding.live
    left = tuple(
        difference
        for difference in finding.differences
        if not (difference.is_added and value_at(live, difference.path) == value_at(answer, difference.path))
    )
    return Finding(finding.ref, left, live if left else None)


def _position(path: Path) -> tuple[tuple[str, int], ...]:
    """Return what to sort paths by, so that from the end on no index is moved by a removal."""
    return tuple((token, 0) if isinstance(token, str) else ("", token.index) for token in path)
