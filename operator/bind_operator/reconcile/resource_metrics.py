"""Prometheus sees what the status of each resource says, and nothing of a resource that is gone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector

from bind_operator.api.status import BindVectorizerStatus
from bind_operator.policy.backup import parse_time
from bind_operator.policy.facts import Component, Key, Workload

_NAMED = ("namespace", "name")


@dataclass(frozen=True, slots=True)
class _Seen:
    """It holds the label values, and not the status: with many resources that would be megabytes."""

    conditions: Sequence[tuple[str, str, str]]
    info: tuple[str, str, str, str]
    pods: Sequence[tuple[str, int, int]]
    backed_up_at: float | None
    kept: int | None
    """Good backups in the place; None where that is not known."""
    retention_failed: bool | None
    """Whether the last removal of old backups failed; None where none was ever made."""


@dataclass(eq=False)
class ResourceMetrics(Collector):
    """It keeps the last status of each resource that this operator acts on, and makes series of them.

    A series is made when it is asked for, because one with another reason would otherwise be left behind.
    """

    _seen: dict[Key, _Seen] = field(default_factory=dict)

    def note(
        self, key: Key, status: BindVectorizerStatus, workloads: Mapping[Component, Workload | None]
    ) -> None:
        """Take what was found of a resource in the place of what is known of it."""
        release = status.release
        retention = status.backup.retention if status.backup else None
        chart, revision = (release.chart, str(release.revision)) if release else ("", "")
        self._seen[key] = _Seen(
            tuple((one.type, one.status, one.reason) for one in status.conditions),
            (status.device or "", status.model or "", chart, revision),
            tuple(
                (str(part), load.wanted, load.ready) for part, load in workloads.items() if load is not None
            ),
            _last_backup(status),
            retention.kept if retention else None,
            retention.failure is not None if retention else None,
        )

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone, or that another operator acts on."""
        self._seen.pop(key, None)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the families. It is called in the thread that answers Prometheus."""
        condition = GaugeMetricFamily(
            "bind_operator_resource_condition",
            "1 for each condition of a resource, with its status and reason.",
            labels=(*_NAMED, "type", "status", "reason"),
        )
        info = GaugeMetricFamily(
            "bind_operator_resource_info",
            "1 for each resource, with what its release runs.",
            labels=(*_NAMED, "device", "model", "chart", "revision"),
        )
        wanted, ready = (
            GaugeMetricFamily(
                f"bind_operator_resource_{state}_pods",
                f"Pods of a resource that are {state}, by component.",
                labels=(*_NAMED, "component"),
            )
            for state in ("wanted", "ready")
        )
        backup = GaugeMetricFamily(
            "bind_operator_resource_backup_timestamp_seconds",
            "When the last good backup of a resource was finished, in seconds of the epoch.",
            labels=_NAMED,
        )
        kept = GaugeMetricFamily(
            "bind_operator_resource_backups_kept",
            "Good backups of a resource in their place, where old ones are removed.",
            labels=_NAMED,
        )
        retention_failed = GaugeMetricFamily(
            "bind_operator_resource_retention_failed",
            "1 where the last removal of old backups failed.",
            labels=_NAMED,
        )
        for key, seen in list(self._seen.items()):
            named = (key.namespace, key.name)
            for one in seen.conditions:
                condition.add_metric((*named, *one), 1)
            info.add_metric((*named, *seen.info), 1)
            for component, are_wanted, are_ready in seen.pods:
                wanted.add_metric((*named, component), are_wanted)
                ready.add_metric((*named, component), are_ready)
            if seen.backed_up_at is not None:
                backup.add_metric(named, seen.backed_up_at)
            if seen.kept is not None:
                kept.add_metric(named, seen.kept)
            if seen.retention_failed is not None:
                retention_failed.add_metric(named, seen.retention_failed)
        yield from (condition, info, wanted, ready, backup, kept, retention_failed)


def _last_backup(status: BindVectorizerStatus) -> float | None:
    good = status.backup.last_success if status.backup else None
    time = parse_time(good.time) if good else None
    return time.timestamp() if time else None


RESOURCES = ResourceMetrics()
REGISTRY.register(RESOURCES)
