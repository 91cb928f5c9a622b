"""kopf watches the resources and fills the work queue; it serves the liveness probe, too.

Only event handlers are used. They leave no finalizer, no annotation and no progress on any object, so kopf
itself writes nothing; the finalizer is the reconciler's.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

import kopf

from bind_operator.api.identity import GROUP, PLURAL, VERSION
from bind_operator.cluster.kube import Kube
from bind_operator.errors import OperatorError
from bind_operator.policy.facts import Key
from bind_operator.policy.names import CHART
from bind_operator.policy.objects import INSTANCE_LABEL, NAME_LABEL
from bind_operator.reconcile.work_queue import WorkQueue

logger = logging.getLogger(__name__)

CHILDREN = (
    ("", "v1", "pods"),
    ("", "v1", "services"),
    ("", "v1", "configmaps"),
    ("apps", "v1", "deployments"),
    ("apps", "v1", "statefulsets"),
    ("policy", "v1", "poddisruptionbudgets"),
)
CHILD_LABELS: dict[str, Any] = {NAME_LABEL: CHART, INSTANCE_LABEL: kopf.PRESENT}
SETTLE_S = 0.2
"""Children change in bursts; one reconciliation answers for all of them."""
SERVED_AGAIN_S = 5.0
MAX_HEARTBEAT_AGE_S = 30.0


def build_registry(queue: WorkQueue, max_reconcile_s: float) -> kopf.OperatorRegistry:
    """Return the handlers.

    max_reconcile_s: how long one resource may take before the operator counts as stuck.
    """
    registry = kopf.OperatorRegistry()

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    def resource_changed(*, namespace: str | None, name: str, **_: Any) -> None:
        queue.add(Key(namespace or "", name), SETTLE_S)

    for group, version, plural in CHILDREN:

        @kopf.on.event(group, version, plural, labels=CHILD_LABELS, registry=registry)
        def child_changed(*, namespace: str | None, labels: kopf.Labels, **_: Any) -> None:
            queue.add(Key(namespace or "", labels[INSTANCE_LABEL]), SETTLE_S)

    @kopf.on.probe(id="heartbeat", registry=registry)
    def heartbeat(**_: Any) -> float:
        """Fail where the process lives but does nothing (kopf#1276, kopf#787)."""
        age_s = time.monotonic() - queue.heartbeat_at
        if age_s > MAX_HEARTBEAT_AGE_S:
            raise kopf.PermanentError(f"the queue has not moved for {age_s:.0f} s")
        if queue.longest_reconcile_s() > max_reconcile_s:
            raise kopf.PermanentError(f"a resource is reconciled for over {max_reconcile_s:.0f} s")
        return round(age_s, 3)

    @kopf.on.login(registry=registry)
    def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

    return registry


def build_kopf_settings() -> kopf.OperatorSettings:
    """Return kopf's settings, each against a known problem of watches or permissions."""
    settings = kopf.OperatorSettings()
    # Watches that go silent: kopf#847, kopf#957, kopf#585.
    settings.watching.inactivity_timeout = 70
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 310
    settings.watching.connect_timeout = 30
    settings.posting.level = logging.WARNING
    # The resource is waited for before the start, so its definition need not be watched (and permitted).
    settings.scanning.disabled = True
    return settings


async def wait_until_served(kube: Kube) -> None:
    """Wait for the resource's definition, because kopf looks for it only once."""
    while True:
        try:
            if await kube.is_served():
                return
            hint = "the CRD is not installed; apply manifests/crds.yaml"
        except OperatorError as error:
            hint = str(error)
        logger.warning("waiting for the resource", extra={"hint": hint})
        await asyncio.sleep(SERVED_AGAIN_S)


async def resync(kube: Kube, queue: WorkQueue, namespaces: Sequence[str], interval_s: float) -> None:
    """Add what is not in the queue every `interval_s` seconds, because a watch may go silent."""
    while True:
        try:
            for key in await kube.list_keys(namespaces):
                if key not in queue:
                    queue.add(key)
        except OperatorError as error:
            logger.warning("resync failed", extra={"error": str(error)})
        await asyncio.sleep(interval_s)
