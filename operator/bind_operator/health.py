"""The liveness probe answers whether a new process would do better than this one."""

import socket
import time
from collections.abc import Callable, Collection

from aiohttp import web

from bind_operator.policy.watching import Signs, deaf
from bind_operator.reconcile.work_queue import WorkQueue

MAX_HEARTBEAT_AGE_S = 30.0
HEALTH_PATH = "/healthz"


def find_fault(queue: WorkQueue, signs: Collection[Signs], max_reconcile_s: float) -> str | None:
    """Return why the process should be replaced, or None.

    max_reconcile_s: how long one resource may take before the operator counts as stuck.
    """
    now = time.monotonic()
    age_s = now - queue.heartbeat_at
    if age_s > MAX_HEARTBEAT_AGE_S:
        return f"the queue has not moved for {age_s:.0f} s"
    if queue.longest_reconcile_s() > max_reconcile_s:
        return f"a resource is reconciled for over {max_reconcile_s:.0f} s"
    return deaf(signs, now)


def everywhere() -> str:
    """Return the address that stands for all of the machine's: of both families where it has both."""
    return "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104  (the kubelet asks from the node)


def listen_everywhere(port: int) -> socket.socket:
    """Return a socket that listens at `port` of all addresses. Raises OSError."""
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    return socket.create_server((everywhere(), port), family=family, dualstack_ipv6=both)


async def start_health_server(port: int, fault: Callable[[], str | None]) -> web.AppRunner:
    """Serve the probe at `port`: 200, or 503 with what `fault` returns. Clean up what is returned."""

    async def answer(_: web.Request) -> web.Response:
        found = fault()
        return web.json_response({"fault": found}, status=503 if found else 200)

    app = web.Application()
    app.router.add_get(HEALTH_PATH, answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, listen_everywhere(port)).start()
    return runner
