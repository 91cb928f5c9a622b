"""The wiring builds the parts of the operator and runs them until a signal stops it."""

import asyncio
import logging
import os
import shutil
import socket
from pathlib import Path

import kopf
import prometheus_client

from bind_operator.cluster.client import KubeClient
from bind_operator.cluster.kube import Kube
from bind_operator.cluster.verification import Verifier
from bind_operator.handlers import build_kopf_settings, build_registry, resync, wait_until_served
from bind_operator.policy.attempts import Attempts
from bind_operator.reconcile.deletion import Deletion
from bind_operator.reconcile.reconciler import Reconciler
from bind_operator.reconcile.work_queue import WorkQueue
from bind_operator.release.chart import load_chart
from bind_operator.release.helm import Helm
from bind_operator.release.storage import HelmDriver
from bind_operator.settings import Settings

logger = logging.getLogger(__name__)


class SettingUnusable(Exception):
    """A setting names something that cannot be used; the message names both."""


DRAIN_S = 20.0
"""It is below the 30 s of grace of any pod, so that a Helm run can end and no release is left locked."""


async def run_operator(settings: Settings) -> None:
    """Run until a signal stops it.

    Raises ChartUnreadable, SettingUnusable, or ApiRefused (no credentials).
    """
    # Whole paths, because each Helm run has a folder of its own.
    chart = load_chart(settings.chart_dir.absolute())
    program = _find_helm(settings.helm)
    _check_port("health_port", settings.health_port)
    _check_port("metrics_port", settings.metrics_port)
    if settings.kubeconfig is not None:
        # kopf's own login takes the path from nowhere else.
        os.environ["KUBECONFIG"] = str(settings.kubeconfig)
    client = await KubeClient.connect(settings.kubeconfig)
    prometheus_client.start_http_server(settings.metrics_port)
    queue = WorkQueue(settings.workers)
    driver = HelmDriver(settings.helm_driver)
    kube = Kube(client, driver)
    helm = Helm(
        program,
        chart,
        settings.kubeconfig,
        settings.helm_timeout_s,
        settings.max_helm_runs,
        driver,
    )
    reconciler = Reconciler(
        settings=settings,
        chart=chart,
        kube=kube,
        helm=helm,
        deletion=Deletion(kube, helm, settings.delete_timeout_s),
        verifier=Verifier(settings.verify_timeout_s, settings.resync_s),
        attempts=Attempts(settings.max_failures, settings.retry_base_s, settings.retry_max_s),
    )
    logger.info("operator starts", extra={"chart": chart.full_name, "chart_digest": chart.digest})
    try:
        await wait_until_served(kube)
        await _serve(settings, queue, reconciler, kube)
    finally:
        await queue.drain(DRAIN_S)
        await client.close()
    logger.info("operator stopped")


async def _serve(settings: Settings, queue: WorkQueue, reconciler: Reconciler, kube: Kube) -> None:
    """Run kopf, the queue and the resync; when one ends, end all and raise what it raised."""
    # One reconciliation runs Helm at most once, after waiting for a slot behind other runs.
    max_reconcile_s = settings.helm_timeout_s * (2 + settings.workers / settings.max_helm_runs)
    # Else kopf names itself after the user, and the image's user has no name.
    os.environ.setdefault("POD_ID", socket.gethostname())
    operator = kopf.operator(
        registry=build_registry(queue, max_reconcile_s),
        settings=build_kopf_settings(),
        standalone=True,
        clusterwide=not settings.watch_namespaces,
        namespaces=settings.watch_namespaces,
        liveness_endpoint=f"http://0.0.0.0:{settings.health_port}/healthz",
    )
    parts = [
        asyncio.create_task(operator),
        asyncio.create_task(queue.run(reconciler.reconcile)),
        asyncio.create_task(resync(kube, queue, settings.watch_namespaces, settings.resync_s)),
    ]
    try:
        done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        for part in done:
            part.result()
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)


def _find_helm(program: str) -> str:
    """Return the whole path of Helm. Raises SettingUnusable if there is none."""
    found = shutil.which(program)
    if found is None:
        raise SettingUnusable(f"setting helm: there is no program {program}; install Helm 4 or give its path")
    return str(Path(found).absolute())


def _check_port(setting: str, port: int) -> None:
    """Raise SettingUnusable if nobody can listen on `port`: kopf would say so in a traceback and stop."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            raise SettingUnusable(
                f"setting {setting}: cannot listen on port {port}: {error.strerror}"
            ) from error
