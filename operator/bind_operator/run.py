"""The wiring builds the parts of the operator and runs them until a signal stops it."""

import asyncio
import contextlib
import gc
import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

import prometheus_client

from bind_operator.cluster.autoscaling import Autoscalers
from bind_operator.cluster.client import Credentials, KubeClient
from bind_operator.cluster.key_secrets import KeySecrets
from bind_operator.cluster.kube import Kube
from bind_operator.cluster.leadership import Leadership
from bind_operator.cluster.lost_kinds import LostKinds
from bind_operator.cluster.objects import Objects
from bind_operator.cluster.operator_keys import OperatorKeys
from bind_operator.cluster.profiles import Profiles
from bind_operator.cluster.records import Records
from bind_operator.cluster.rendered_values import RenderedConfigMaps
from bind_operator.cluster.resolver import ApiResolver
from bind_operator.cluster.scratch import scratch_folder
from bind_operator.cluster.value_sources import ValueSources
from bind_operator.cluster.verification import Asker
from bind_operator.cluster.volumes import Volumes
from bind_operator.cluster.weaviate_api import WeaviateApi
from bind_operator.handlers import Ears, watch_resources
from bind_operator.health import everywhere, find_fault, start_health_server
from bind_operator.loop_thread import LoopThread
from bind_operator.policy.attempts import Attempts
from bind_operator.policy.check_schedule import CheckSchedule
from bind_operator.policy.facts import Key
from bind_operator.policy.polling import Polling
from bind_operator.policy.watching import EVERYWHERE
from bind_operator.reconcile.actions import Actions
from bind_operator.reconcile.backups import Steps
from bind_operator.reconcile.claims import Claims
from bind_operator.reconcile.collections import Collections
from bind_operator.reconcile.copies import CopyKeeper
from bind_operator.reconcile.deletion import Deletion
from bind_operator.reconcile.drift import build_drift
from bind_operator.reconcile.guard import Guard
from bind_operator.reconcile.keys import Keys
from bind_operator.reconcile.live_checks import LiveChecks
from bind_operator.reconcile.memory import Memories
from bind_operator.reconcile.observer import Observer
from bind_operator.reconcile.orphans import release_orphans
from bind_operator.reconcile.ownership import build_ownership
from bind_operator.reconcile.reconciler import Reconciler
from bind_operator.reconcile.rendering import Rendering
from bind_operator.reconcile.sleepers import Sleepers
from bind_operator.reconcile.summary import Summary
from bind_operator.reconcile.told import Told
from bind_operator.reconcile.uninstall import Uninstaller
from bind_operator.reconcile.waves import Waves
from bind_operator.reconcile.work_queue import WorkQueue
from bind_operator.release.chart import Chart, load_chart
from bind_operator.release.helm import Helm
from bind_operator.release.storage import HelmDriver
from bind_operator.settings import Settings
from bind_operator.supervisor import ResourceWatch
from bind_operator.watches import Watches, resync

logger = logging.getLogger(__name__)


class SettingUnusable(Exception):
    """A setting names something that cannot be used; the message names both."""


DRAIN_S = 20.0
"""It is below the 30 s of grace of any pod, so that a Helm run can end and no release is left locked."""
FINISH_S = 1.0
"""What runs no Helm, such as a live check that waits, is not worth a longer time without a leader."""


async def run_operator(settings: Settings) -> None:
    """Run until a signal stops it.

    Raises ChartUnreadable, SettingUnusable, or ApiRefused (no credentials).
    """
    # Whole paths, because each Helm run has a folder of its own.
    chart = load_chart(settings.chart_dir.absolute())
    program = _find_helm(settings.helm)
    _check_port("health_port", settings.health_port)
    _check_port("metrics_port", settings.metrics_port)
    with _scratch() as scratch:
        logger.info("operator starts", extra={"chart": chart.full_name, "chart_digest": chart.digest})
        await _run(settings, _Operator(settings, chart, program, scratch), _stop_on_signals())
    logger.info("operator stopped")


async def _run(settings: Settings, operator: "_Operator", stop: asyncio.Event) -> None:
    # Without a fence and with connections of its own, because a Lease is written before anybody leads.
    lease_client = await KubeClient.connect(settings.kubeconfig)
    operator.leadership = await _stand_for_election(settings, lease_client, operator)
    client = await KubeClient.connect(settings.kubeconfig, operator.leadership.fence.check)
    prometheus_client.start_http_server(settings.metrics_port, everywhere())
    _freeze()
    try:
        await operator.serve(client, lease_client, stop)
    finally:
        await operator.leadership.close()
        await client.close()
        await lease_client.close()


class _Operator:
    """It holds the parts that leadership changes."""

    def __init__(self, settings: Settings, chart: Chart, program: str, scratch: Path) -> None:
        self._settings, self._chart, self._program, self._scratch = settings, chart, program, scratch
        self._driver = HelmDriver(settings.helm_driver)
        self.leadership = Leadership.absent()
        self._won = asyncio.Event()
        self._queue = WorkQueue(settings.workers, lambda key: self.leadership.fence.is_open(key.namespace))
        self._profiles = _read_profiles(settings, self._profiles_changed)
        self._reconciler: Reconciler | None = None

    async def serve(self, client: KubeClient, unfenced: KubeClient, stop: asyncio.Event) -> None:
        """Run all parts until `stop`, or until one ends; then let end what has begun.

        Raises what a part raised.
        """
        settings, queue, fence = self._settings, self._queue, self.leadership.fence
        kube = Kube(client, self._driver)
        resolver = None if client.is_in_cluster else ApiResolver(client)
        asker = Asker(settings.verify_timeout_s, settings.verify_embedding_timeout_s, resolver)
        schedule = CheckSchedule(settings.verify_interval_s)
        checks = LiveChecks(asker.ask, queue.add, schedule, kube.clock.timestamp)
        # Its own Secret is no resource's, so no lease is about it.
        self._keys = OperatorKeys(unfenced, settings.namespace, settings.keys_secret)
        copies = CopyKeeper.of(kube, Steps(WeaviateApi(resolver), self._keys, queue.add))
        helm = self._build_helm()
        sources = ValueSources(client, self._driver, settings.values_interval_s, queue.add)
        reconciler = self._reconciler = self._build_reconciler(client, kube, helm, checks, sources, copies)
        resources = self._watch_resources(client, kube)
        watches = Watches(client, queue, settings.watch_namespaces, resources.is_known)
        # One reconciliation runs Helm at most once, after waiting for a slot behind other runs.
        max_reconcile_s = settings.helm_timeout_s * (2 + settings.workers / settings.max_helm_runs)
        health = await start_health_server(
            settings.health_port,
            lambda: find_fault(queue, [*resources.signs, *watches.signs], max_reconcile_s),
        )
        sweep = resync(kube, queue, settings.watch_namespaces, settings.resync_s, fence.is_open, self._won)
        orphans = release_orphans(Kube(unfenced, self._driver), settings.watch_namespaces, fence.is_open)
        sleepers = reconciler.summary.sleepers
        begin = [_task(queue.run(reconciler.reconcile)), _task(sweep), _task(orphans), _task(sleepers.run())]
        # What runs needs the lease to its end.
        last = [_task(resources.run()), _task(watches.run()), _task(self.leadership.run())]
        last += [_task(kube.events.run()), _task(self._profiles.run()), _task(sources.run())]
        stopped = _task(stop.wait())
        try:
            done, _ = await asyncio.wait([*begin, *last, stopped], return_when=asyncio.FIRST_COMPLETED)
            await _cancel(begin)
            await helm.close(DRAIN_S)
            await queue.drain(FINISH_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FINISH_S):
                    await kube.events.flush()
        finally:
            await _cancel([*begin, *last, stopped])
            await checks.close()
            await copies.close()
            await health.cleanup()
        for task in done:
            task.result()

    def leadership_changed(self, scope: str) -> None:
        """Begin to work where a Lease was won; where it was lost, end what runs."""
        fence = self.leadership.fence
        if fence.is_open(scope):
            self._won.set()
            self._queue.wake()
            return

        def lost(key: Key) -> bool:
            return fence.scope_of(key.namespace) == scope

        self._queue.cancel(lost)
        if self._reconciler is not None:
            self._reconciler.forget_where(lost)

    def _profiles_changed(self, keys: Sequence[Key]) -> None:
        """Have the resources looked at whose profile is another now, all of them before one is upgraded."""
        if self._reconciler is not None:
            self._reconciler.waves.expect(keys)
        for key in keys:
            self._queue.add(key)

    def _watch_resources(self, client: KubeClient, kube: Kube) -> ResourceWatch:
        namespaces = self._settings.watch_namespaces
        loop = asyncio.get_running_loop()

        async def login() -> Credentials:
            # The client is this loop's, and kopf has a loop of its own.
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(client.credentials(), loop))

        def start(ears: Ears) -> LoopThread:
            return LoopThread("kopf", lambda stop: watch_resources(stop, ears, login, namespaces))

        return ResourceWatch(start, kube.is_served, self._queue, namespaces)

    def _build_helm(self) -> Helm:
        settings = self._settings
        return Helm(
            self._program,
            self._chart,
            settings.kubeconfig,
            settings.helm_timeout_s,
            settings.max_helm_runs,
            self._driver,
            self.leadership.fence.guard,
            self._scratch,
        )

    def _build_reconciler(
        self,
        client: KubeClient,
        kube: Kube,
        helm: Helm,
        checks: LiveChecks,
        sources: ValueSources,
        copies: CopyKeeper,
    ) -> Reconciler:
        settings = self._settings
        claims, records = Claims(kube, Volumes(client)), Records(client, self._driver)
        objects = Objects(client)
        ownership, drift = build_ownership(kube, records), build_drift(kube, objects, records)
        key_secrets = KeySecrets(client)
        uninstaller = Uninstaller(helm, objects, records)
        deletion = Deletion(kube, uninstaller, key_secrets, settings.delete_timeout_s)
        keys = Keys(kube, key_secrets, self._keys)
        collections = Collections(kube, self._keys, settings.verify_timeout_s)
        autoscalers = Autoscalers(client)
        observer = Observer(
            settings, self._chart, kube, ownership, drift, self._profiles, autoscalers, sources, keys.made
        )
        waves = Waves(
            kube,
            lambda: filter(self.leadership.fence.is_open, settings.watch_namespaces or [EVERYWHERE]),
            settings.max_chart_upgrades,
            settings.chart_upgrade_timeout_s,
            wake=self._queue.add,
        )
        told = Told()
        lost = LostKinds(client, records)
        actions = Actions(
            self._chart, kube, helm, records, deletion, ownership, drift, told, autoscalers, lost
        )
        attempts = Attempts(settings.retry_base_s, settings.retry_max_s)
        summary = Summary(
            settings=settings,
            kube=kube,
            observer=observer,
            attempts=attempts,
            polling=Polling(settings.settle_s, settings.resync_s),
            checks=checks,
            claims=claims,
            memories=Memories(kube, collections, settings.resync_s),
            drift=drift,
            deletion=deletion,
            waves=waves,
            sleepers=Sleepers(autoscalers),
            told=told,
            copies=copies,
        )
        return Reconciler(
            kube=kube,
            observer=observer,
            guard=Guard(claims, collections),
            actions=actions,
            summary=summary,
            attempts=attempts,
            checks=checks,
            claims=claims,
            deletion=deletion,
            ownership=ownership,
            waves=waves,
            told=told,
            rendering=Rendering(self._chart, kube, RenderedConfigMaps(client), deletion, helm),
            keys=keys,
            retry_base_s=settings.retry_base_s,
        )


async def _stand_for_election(settings: Settings, client: KubeClient, operator: _Operator) -> Leadership:
    if not settings.leader_elect:
        return Leadership.absent()
    # A pod's name alone is not enough: its container may start again while the old one's Helm still runs.
    identity = f"{os.environ.get('POD_NAME') or socket.gethostname()}_{secrets.token_hex(4)}"
    return await Leadership.start(
        client,
        identity,
        settings.lease_name,
        settings.lease_namespace,
        settings.watch_namespaces,
        settings.lease_duration_s,
        operator.leadership_changed,
    )


def _stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _freeze() -> None:
    """Keep what the imports have made out of all garbage collections, as it lives as long as the process.

    Each look parses thousands of objects, and the full collections that these cause walked through all of it.
    """
    gc.collect()
    gc.freeze()


def _task(part: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
    return asyncio.create_task(part)


async def _cancel(tasks: list[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _read_profiles(settings: Settings, changed: Callable[[Sequence[Key]], None]) -> Profiles:
    """Return the hardware profiles. Raises SettingUnusable if their folder cannot be read."""
    try:
        return Profiles(settings.profiles_dir, settings.profiles_interval_s, changed)
    except OSError as error:
        raise SettingUnusable(
            f"setting profiles_dir: {settings.profiles_dir} cannot be read: {error.strerror}"
        ) from error


def _find_helm(program: str) -> str:
    """Return the whole path of Helm. Raises SettingUnusable if there is none."""
    found = shutil.which(program)
    if found is None:
        raise SettingUnusable(f"setting helm: there is no program {program}; install Helm 4 or give its path")
    return str(Path(found).absolute())


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """Make the folder of temporary files. Raises SettingUnusable if none can be made."""
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(scratch_folder())
        except OSError as error:
            raise SettingUnusable(
                f"variable TMPDIR: no folder can be made in {tempfile.gettempdir()}: {error.strerror}"
            ) from error
        yield folder


def _check_port(setting: str, port: int) -> None:
    """Raise SettingUnusable if nobody can listen on `port`, because later it would be a traceback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            raise SettingUnusable(
                f"setting {setting}: cannot listen on port {port}: {error.strerror}"
            ) from error
