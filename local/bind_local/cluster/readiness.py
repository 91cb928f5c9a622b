"""Waits until a new cluster can be used, and explains why if it never can."""

import subprocess
import time
from collections.abc import Callable

from bind_local.cluster import record
from bind_local.command import last_lines
from bind_local.errors import LocalError
from bind_local.paths import LOCAL, Paths
from bind_local.programs.modules import KUBERNETES
from bind_local.topology import NODE

READY_S = 60.0
BOOTSTRAP = LOCAL / "bootstrap.yaml"


def wait(paths: Paths) -> None:
    """Wait until the API server answers, has its first objects, and the node is Ready. Raises LocalError."""
    deadline = time.monotonic() + READY_S
    _poll(paths, deadline, "the API server", lambda: _kubectl(paths, "get", "--raw", "/readyz"))
    _poll(paths, deadline, "the API server", lambda: _kubectl(paths, "apply", "-f", str(BOOTSTRAP)))
    _poll(paths, deadline, "the node", lambda: node_is_ready(paths))
    _poll(paths, deadline, "the controllers", lambda: _kubectl(paths, "get", "serviceaccount", "default"))


def _poll(paths: Paths, deadline: float, what: str, check: Callable[[], object]) -> None:
    while not check():
        known = record.read()
        if not (known and known.init and known.init.alive()):
            raise LocalError(
                f"the node ended while it started:\n{log_tail(paths, 'node')}",
                f"see the logs in {paths.node_log}",
            )
        if time.monotonic() > deadline:
            unit = _last_to_end(paths)
            raise LocalError(
                f"{what} was not ready within {READY_S:.0f} s; the end of {unit}'s log:\n"
                f"{log_tail(paths, unit)}",
                f"see the logs in {paths.node_log}; `make clean` ends what was started",
            )
        time.sleep(0.2)


def node_is_ready(paths: Paths) -> bool:
    """Say whether the API server answers and calls the node Ready."""
    jsonpath = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
    return _kubectl(paths, "get", "node", NODE, "-o", jsonpath) == "True"


def _kubectl(paths: Paths, *args: str) -> str:
    """Return what kubectl printed; "" when it failed."""
    kubectl = KUBERNETES.home(paths) / "kubectl"
    if not kubectl.exists() or not paths.kubeconfig.exists():
        return ""
    done = subprocess.run(
        [kubectl, "--kubeconfig", paths.kubeconfig, "--request-timeout=5s", *args],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else ""


def _last_to_end(paths: Paths) -> str:
    """Return the unit that last ended with an error, by the node's log; "node" when none did."""
    log = paths.node_log / "node.log"
    ended = [line.split()[1] for line in log.read_text().splitlines() if "ended with status" in line]
    return ended[-1] if ended else "node"


def log_tail(paths: Paths, unit: str) -> str:
    """Return the end of a unit's log."""
    file = paths.node_log / f"{unit}.log"
    return last_lines(file.read_text(errors="replace")) if file.exists() else "    (nothing)"
