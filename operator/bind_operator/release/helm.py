"""Helm runs with an argument list, values in a file, a folder of its own and a time limit, a few at once."""

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bind_operator.errors import HelmFailed, HelmTimedOut, KindNotServed, NotLeader, SpecRefused
from bind_operator.metrics import HELM_SECONDS
from bind_operator.policy.causes import Occasion
from bind_operator.policy.facts import Key
from bind_operator.release.chart import Chart
from bind_operator.release.layers import masked
from bind_operator.release.refusals import is_fault_of_the_spec, lost_kinds, unserved_kinds
from bind_operator.release.storage import ROLLBACK_MARK, HelmDriver, release_labels
from bind_operator.release.values import RenderedValues

logger = logging.getLogger(__name__)

HISTORY_MAX = 5
MAX_MESSAGE = 800
NOT_FOUND = "release: not found"
"""Helm's message ends so where it has read its records, and there is none of the release."""
PASSED_ON = ("PATH", "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "SSL_CERT_FILE")
"""Helm gets these variables of our own environment too."""

Guard = Callable[[str], Callable[[], None]]
"""It is given the namespace of a run right before it begins, and returns what the new process does first.

It raises an OperatorError where the run must not begin.
"""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@dataclass
class Helm:
    """Runs Helm for one cluster."""

    program: str
    chart: Chart
    kubeconfig: Path | None
    timeout_s: float
    max_runs: int
    driver: HelmDriver = HelmDriver.CONFIG_MAP
    guard: Guard = lambda _: lambda: None
    folder: Path | None = None
    """Each run has a folder of its own in there; None: where temporary files lie."""
    _slots: asyncio.Semaphore = field(init=False)
    _running: int = 0
    _closed: bool = False

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.max_runs)

    async def install(self, key: Key, values: RenderedValues, occasion: Occasion) -> None:
        """Install the release; it may be there, failed, where this raises.

        Raises HelmFailed, HelmTimedOut, KindNotServed or SpecRefused.
        """
        await self._apply(key, values, 1, occasion, "install")

    async def upgrade(self, key: Key, values: RenderedValues, revision: int, occasion: Occasion) -> None:
        """Upgrade the release, also a failed one, to `revision`: the number after its latest.

        Raises HelmFailed, HelmTimedOut, KindNotServed or SpecRefused.
        """
        # Conflicts are forced: the release is the operator's alone, and a hand edit must not block it.
        flags = ("--reset-values", f"--history-max={HISTORY_MAX}", "--server-side=true", "--force-conflicts")
        await self._apply(key, values, revision, occasion, "upgrade", *flags)

    async def rollback(self, key: Key, revision: int, secrets: Sequence[str] = ()) -> None:
        """Apply a revision again, as it was and with its labels.

        secrets: texts that an error must not show. Raises HelmFailed or HelmTimedOut.
        """
        # The description tells a pending rollback of ours from one that somebody else has begun.
        mark = f"--description={ROLLBACK_MARK}back to revision {revision}"
        flags = (f"--history-max={HISTORY_MAX}", "--server-side=true", "--force-conflicts", mark)
        await self._run("rollback", key, [str(revision), *flags], secrets=secrets)

    async def template(self, key: Key, values: RenderedValues) -> str:
        """Return the manifests of the release as they would be installed, without asking a cluster.

        Raises HelmFailed, HelmTimedOut or SpecRefused.
        """
        arguments = [str(self.chart.path), "--values=values.yaml", "--skip-tests"]
        return await self._run("template", key, arguments, values.text, values.secrets)

    async def uninstall(self, key: Key) -> None:
        """Delete the objects of the release, and keep its record; one that is not there is fine.

        Raises HelmFailed or HelmTimedOut.
        """
        await self._uninstall(key, "--keep-history")

    async def purge(self, key: Key) -> None:
        """Remove the record of a release that is uninstalled. Raises HelmFailed or HelmTimedOut."""
        await self._uninstall(key)

    async def _uninstall(self, key: Key, *flags: str) -> None:
        """Without --ignore-not-found, by which Helm reports success whatever kept it from its records."""
        try:
            await self._run("uninstall", key, flags)
        except HelmFailed as error:
            if not str(error).endswith(NOT_FOUND):
                raise

    async def close(self, timeout_s: float) -> None:
        """Begin no more runs, and wait for those that have begun, so that none is cut short; not for ever."""
        self._closed = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._running:  # noqa: ASYNC110  (a few times, at the end)
                    await asyncio.sleep(0.1)

    async def _apply(
        self, key: Key, values: RenderedValues, revision: int, occasion: Occasion, command: str, *flags: str
    ) -> None:
        labels = release_labels(values.digest, self.chart.full_name, revision, occasion, values.shape)
        arguments = [
            str(self.chart.path),
            "--values=values.yaml",
            "--hide-notes",
            # It took half of Helm's CPU; the API server checks each object as strictly when it is written.
            "--disable-openapi-validation",
            "--output=json",
            "--labels=" + ",".join(f"{name}={value}" for name, value in labels.items()),
            *flags,
        ]
        # Beside the rendered values and their digest: it says who installs and not what.
        text = values.text + (f"helmDriver: {self.driver.mark}\n" if self.driver.mark else "")
        await self._run(command, key, arguments, text, values.secrets)

    async def _run(
        self,
        command: str,
        key: Key,
        arguments: Sequence[str],
        values: str = "",
        secrets: Sequence[str] = (),
    ) -> str:
        """Run one command on the release of `key`, in a folder that holds `values`; return what it prints.

        secrets: texts that an error must not show.
        """
        async with self._slots:
            started = time.monotonic()
            with _folder(self.folder, values) as folder:
                line = [command, key.name, *arguments, f"--namespace={key.namespace}"]
                if self.kubeconfig is not None:
                    line.append(f"--kubeconfig={self.kubeconfig.resolve()}")
                self._running += 1
                try:
                    printed = await self._execute(line, folder, key.namespace, secrets)
                finally:
                    self._running -= 1
                    HELM_SECONDS.labels(command=command).observe(time.monotonic() - started)
        fields = {"command": command, "namespace": key.namespace, "release": key.name}
        duration_s = round(time.monotonic() - started, 3)
        logger.info("helm ran", extra=fields | {"duration_s": duration_s})
        return printed

    async def _execute(
        self, arguments: Sequence[str], folder: str, namespace: str, secrets: Sequence[str]
    ) -> str:
        if self._closed:
            raise NotLeader("this operator stops, so it begins no Helm run")
        enroll = self.guard(namespace)

        def prepare() -> None:
            _die_with_parent()
            enroll()

        try:
            process = await asyncio.create_subprocess_exec(
                self.program,
                *arguments,
                cwd=folder,
                env=_environment(folder, self.driver),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if arguments[0] == "template" else asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                preexec_fn=prepare,
            )
        except OSError as error:
            raise HelmFailed(
                f"{self.program} cannot be run: {error.strerror}; set helm (BIND_OPERATOR_HELM)"
            ) from error
        try:
            async with asyncio.timeout(self.timeout_s):
                stdout, stderr = await process.communicate()
        except TimeoutError as error:
            raise HelmTimedOut(f"helm {arguments[0]} did not end within {self.timeout_s:g} s") from error
        finally:
            await _kill(process)
        if process.returncode:
            # Of several errors the last one may be what passes, so the whole text is judged.
            message = _error_message(stderr.decode(errors="replace"), process.returncode)
            if unserved := unserved_kinds(message):
                raise KindNotServed(unserved[:MAX_MESSAGE], lost_kinds(message))
            shown = masked(message, secrets)[:MAX_MESSAGE]
            raise (SpecRefused if is_fault_of_the_spec(message) else HelmFailed)(shown)
        return (stdout or b"").decode()


@contextlib.contextmanager
def _folder(place: Path | None, values: str) -> Iterator[str]:
    """Make a folder with the values that goes with the block. Raises HelmFailed where the disk takes none."""
    place = place or Path(tempfile.gettempdir())
    with contextlib.ExitStack() as stack:
        try:
            made = tempfile.TemporaryDirectory(prefix="helm-", dir=place, ignore_cleanup_errors=True)
            folder = stack.enter_context(made)
            Path(folder, "values.yaml").write_text(values, encoding="utf-8")
        except OSError as error:
            raise HelmFailed(f"Helm needs some MiB in {place}, and has none: {error.strerror}") from error
        yield folder


def _environment(folder: str, driver: HelmDriver) -> Mapping[str, str]:
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return passed | {
        "HOME": folder,
        "HELM_DRIVER": driver.helm_name,
        "HELM_CACHE_HOME": f"{folder}/cache",
        "HELM_CONFIG_HOME": f"{folder}/config",
        "HELM_DATA_HOME": f"{folder}/data",
    }


def _die_with_parent() -> None:
    """Let the kernel kill Helm when the operator dies, so that no second Helm meets a living one."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


async def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _error_message(stderr: str, status: int) -> str:
    """Return Helm's error without its log lines, for people to read. status: negative for a signal."""
    _, mark, error = stderr.rpartition("Error: ")
    message = " ".join((error if mark else stderr).split())
    how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    return message or f"helm {how} and left no message"
