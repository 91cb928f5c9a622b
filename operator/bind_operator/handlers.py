"""kopf watches the resources, and its handlers hand over what changed.

Only event handlers are used. They leave no finalizer, no annotation and no progress on any object, so kopf
itself writes nothing; the finalizer is the reconciler's.
"""

import asyncio
import logging
import random
import ssl
import weakref
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp
import kopf

from bind_operator.api.identity import GROUP, PLURAL, VERSION
from bind_operator.cluster.client import Credentials
from bind_operator.policy.facts import Key
from bind_operator.policy.watching import MAX_WAIT_S, Cause, Request, cause_of_status

logger = logging.getLogger(__name__)

STREAM_S = 60
"""The API server ends a watch after so long, because a new one is the only sign of life that kopf shows: it
keeps bookmarks to itself."""
SILENCE_S = 70
CONNECT_S = 30
REQUEST_S = 60
START_S = 20.0
"""kopf looks once which kinds there are; a watcher that is not there so long after will never be."""
LOOK_S = 0.1
GRACE_S = 0.5
LOGIN_AGAIN_S = 5.0
WATCHER = "watcher for "
"""The names of kopf's tasks that watch begin so (spawn_missing_watchers)."""


@dataclass(frozen=True)
class Ears:
    """It is whom kopf's thread tells what it hears. Its functions may be called from any thread."""

    changed: Callable[[str, Key], None]
    """It is given type and key of each event; objects that a list brings have no type."""
    requested: Callable[[Request], None]


class WatcherEnded(Exception):
    """A watch of kopf has ended, which it does not begin anew."""

    def __init__(self, message: str, cause: Cause) -> None:
        super().__init__(message)
        self.cause = cause


async def watch_resources(
    stop: asyncio.Event,
    ears: Ears,
    login: Callable[[], Awaitable[Credentials]],
    namespaces: Sequence[str],
) -> None:
    """Run kopf in this event loop until `stop`. Raises WatcherEnded as soon as one of its watches has ended.

    kopf ends all younger tasks of the loop when it ends, so the loop must be kopf's own.
    """
    loop = asyncio.get_running_loop()
    tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()

    def remember(_: asyncio.AbstractEventLoop, work: Any, **more: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(work, loop=loop, **more)
        tasks.add(task)
        return task

    # kopf leaves tasks whose failures nobody asks for; one that matters ends a watch.
    loop.set_exception_handler(lambda _, context: logger.debug("task of kopf", extra={"error": str(context)}))
    # One that ends at once is not among the loop's tasks when they are looked through.
    loop.set_task_factory(remember)
    # Before kopf, which cancels what is younger than itself.
    stopped = asyncio.create_task(stop.wait())
    sessions: list[aiohttp.ClientSession] = []
    operator = asyncio.create_task(
        kopf.operator(
            registry=build_registry(ears, login, sessions),
            settings=build_settings(),
            # Else it is the user's name, and the image's user has none.
            identity="bind-operator",  # type: ignore[arg-type]
            standalone=True,
            clusterwide=not namespaces,
            namespaces=namespaces,
            stop_flag=stop,
        )
    )
    try:
        watchers = await _find_watchers(tasks, max(1, len(set(namespaces))), stop, operator)
        loop.set_task_factory(None)
        if watchers:
            await asyncio.wait([stopped, operator, *watchers], return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            raise _reason_of([*watchers, operator])
    finally:
        stop.set()
        await asyncio.wait([operator], timeout=GRACE_S)
        # kopf gives requests that are under way 5 s; cancelled, it cancels them.
        operator.cancel()
        await asyncio.gather(operator, stopped, return_exceptions=True)
        for session in sessions:
            await session.close()


async def _find_watchers(
    tasks: weakref.WeakSet[asyncio.Task[Any]], number: int, stop: asyncio.Event, operator: asyncio.Task[None]
) -> list[asyncio.Task[Any]]:
    """Return those of `tasks` that watch, one a namespace; none if kopf ends or is stopped before."""
    until = asyncio.get_running_loop().time() + START_S
    while not (stop.is_set() or operator.done()):
        watchers = [task for task in list(tasks) if task.get_name().startswith(WATCHER)]
        if len(watchers) >= number:
            return watchers
        if asyncio.get_running_loop().time() > until:
            raise WatcherEnded(f"kopf has begun {len(watchers)} of {number} watches", Cause.REFUSED)
        await asyncio.sleep(LOOK_S)
    return []


def _reason_of(tasks: Sequence[asyncio.Task[Any]]) -> WatcherEnded:
    """Return why the first of `tasks` that has ended has done so."""
    ended = next((task for task in tasks if task.done()), None)
    error = ended.exception() if ended is not None and not ended.cancelled() else None
    text = "kopf has ended" if error is None else str(error) or type(error).__name__
    cause, found = Cause.REFUSED, error
    while found is not None:
        # kopf's errors of the API have a status, but it does not export them.
        cause = cause_of_status(getattr(found, "status", None)) if cause is Cause.REFUSED else cause
        found = found.__cause__
    return WatcherEnded(text, cause)


def build_registry(
    ears: Ears, login: Callable[[], Awaitable[Credentials]], sessions: list[aiohttp.ClientSession]
) -> kopf.OperatorRegistry:
    """Return the handlers. What the login opens is added to `sessions`."""
    registry = kopf.OperatorRegistry()
    used: list[kopf.ConnectionInfo] = []

    # Coroutines, because kopf runs plain functions in threads of a pool.
    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def resource_changed(
        *,
        type: str | None,  # noqa: A002  (kopf passes by name)
        namespace: str | None,
        name: str,
        **_: Any,
    ) -> None:
        ears.changed(type or "", Key(namespace or "", name))

    @kopf.on.login(registry=registry, backoff=LOGIN_AGAIN_S)
    async def same_as_client(**_: Any) -> kopf.AiohttpSession | None:
        """Return a session with the credentials of the client; None if these were refused before."""
        info = _connection_of(await login())
        if info in used:
            # Else kopf would ask with them again, and again, without a pause.
            return None
        used.append(info)
        session = _open_session(info, ears.requested)
        sessions.append(session)
        return kopf.AiohttpSession(server=info.server, aiohttp_session=session)

    return registry


def build_settings() -> kopf.OperatorSettings:
    """Return kopf's settings, each against a known problem of watches or permissions."""
    settings = kopf.OperatorSettings()
    # Watches that go silent: kopf#847, kopf#957, kopf#585.
    settings.watching.server_timeout = STREAM_S
    settings.watching.inactivity_timeout = SILENCE_S
    settings.watching.client_timeout = SILENCE_S
    settings.watching.connect_timeout = CONNECT_S
    settings.networking.connect_timeout = CONNECT_S
    settings.networking.request_timeout = REQUEST_S
    # By default a watch ends for good after 54 s of refusals; and a namespace that is forbidden would end it
    # for all, since one watch that ends makes kopf start anew.
    settings.networking.error_backoffs = Backoffs()
    settings.posting.enabled = False
    settings.posting.level = logging.WARNING
    # The definition need not be watched (and permitted): where it is not there, kopf is not started.
    settings.scanning.disabled = True
    # It would kill the process, which is not kopf's.
    settings.process.ultimate_exiting_timeout = None
    return settings


class Backoffs:
    """They are kopf's waits between attempts of a request: they grow to `MAX_WAIT_S` and never end."""

    def __iter__(self) -> Iterator[float]:
        """Yield seconds, from a half on, each a little shorter by chance, so that operators part."""
        wait_s = 0.5
        while True:
            yield wait_s * random.uniform(0.5, 1.0)  # noqa: S311
            wait_s = min(wait_s * 2, MAX_WAIT_S)


def _connection_of(credentials: Credentials) -> kopf.ConnectionInfo:
    scheme, _, token = credentials.authorization.rpartition(" ")
    return kopf.ConnectionInfo(
        server=credentials.server,
        ca_path=credentials.ca_file,
        insecure=not credentials.verify_tls,
        certificate_path=credentials.cert_file,
        private_key_path=credentials.key_file,
        scheme=scheme or None,
        token=token or None,
        proxy_url=credentials.proxy,
    )


def _open_session(info: kopf.ConnectionInfo, requested: Callable[[Request], None]) -> aiohttp.ClientSession:
    """Return a session like kopf's own, whose requests are told to `requested`."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=info.as_ssl_context()),
        headers=info.as_http_headers(),
        proxy=info.proxy_url,
        trace_configs=[_trace(requested)],
    )


def _trace(requested: Callable[[Request], None]) -> aiohttp.TraceConfig:
    trace = aiohttp.TraceConfig()

    async def begun(
        _session: aiohttp.ClientSession, _context: SimpleNamespace, sent: aiohttp.TraceRequestStartParams
    ) -> None:
        requested(Request(sent.url.path, "watch" in sent.url.query))

    async def answered(
        _session: aiohttp.ClientSession, _context: SimpleNamespace, sent: aiohttp.TraceRequestEndParams
    ) -> None:
        status = sent.response.status
        cause = Cause.NONE if sent.response.ok else cause_of_status(status)
        requested(
            Request(sent.url.path, "watch" in sent.url.query, cause, f"the API server answers {status}")
        )

    async def failed(
        _session: aiohttp.ClientSession, _context: SimpleNamespace, sent: aiohttp.TraceRequestExceptionParams
    ) -> None:
        error = sent.exception
        # The operator's own idea of the server's certificate may be an old one.
        is_tls = isinstance(error, ssl.SSLError | aiohttp.ClientSSLError)
        cause = Cause.UNAUTHORIZED if is_tls else Cause.UNREACHABLE
        text = str(error) or type(error).__name__
        requested(Request(sent.url.path, "watch" in sent.url.query, cause, text))

    trace.on_request_start.append(begun)
    trace.on_request_end.append(answered)
    trace.on_request_exception.append(failed)
    return trace
