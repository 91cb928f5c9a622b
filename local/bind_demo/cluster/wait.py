"""Waits for a BindVectorizer to be Ready, and shows its conditions meanwhile."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from bind_demo.errors import DemoError

POLL_S = 0.5
GRACE_S = 60.0
LASTING_REASONS = ("ImagePullFailed", "OutOfMemory", "ContainerConfigInvalid", "PodsRefused")
"""Waiting does not cure these reasons; they get GRACE_S, because a registry may fail for a moment."""


@dataclass(frozen=True)
class Condition:
    """A condition in the status of a resource."""

    type: str
    status: str
    reason: str
    message: str


@dataclass(frozen=True)
class View:
    """The conditions of a resource at one moment. current: they are about the newest spec."""

    conditions: tuple[Condition, ...] = ()
    current: bool = False

    def is_true(self, kind: str) -> bool:
        """Say whether a condition is True for the newest spec."""
        return self.current and any(c.type == kind and c.status == "True" for c in self.conditions)

    def reason(self, kind: str) -> str:
        """Return a condition's reason, "" while it is not there."""
        return next((c.reason for c in self.conditions if c.type == kind), "")

    def message(self, kind: str) -> str:
        """Return `reason: message` of a condition, or a sentence saying that it is not there yet."""
        for condition in self.conditions:
            if condition.type == kind:
                return f"{condition.reason}: {condition.message}"
        return "the operator has not written a status yet"


def view_of(resource: Mapping[str, Any]) -> View:
    """Return what a BindVectorizer's JSON says."""
    status = resource.get("status") or {}
    conditions = tuple(
        Condition(c["type"], c["status"], c.get("reason", ""), c.get("message", ""))
        for c in status.get("conditions") or ()
    )
    generation = resource.get("metadata", {}).get("generation")
    return View(conditions, generation is not None and status.get("observedGeneration") == generation)


@dataclass
class TrueFor:
    """Measures for how long something has been true, from looks at it now and then."""

    since: float | None = None

    def seconds(self, is_true: bool, now: float) -> float:
        """Return for how long it has been true at `now` (monotonic seconds), -1 if it is not."""
        self.since = (self.since or now) if is_true else None
        return -1 if self.since is None else now - self.since


def wait_ready(
    console: Console, read: Callable[[], Mapping[str, Any]], timeout_s: float, settle_s: float = 0
) -> View:
    """Return once the resource has been Ready for `settle_s`, showing its conditions meanwhile.

    On a terminal the table redraws itself; elsewhere a line is printed for each change.
    Raises DemoError with Ready's message when the resource is Stalled, when waiting will not help it, or
    when it is not Ready after `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    ready, lasting = TrueFor(), TrueFor()
    shown: View | None = None
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            view = view_of(read())
            if view != shown:
                _show(console, live, view, shown or View())
                shown = view
            now, is_ready, message = time.monotonic(), view.is_true("Ready"), view.message("Ready")
            if ready.seconds(is_ready, now) >= settle_s:
                return view
            if view.is_true("Stalled"):
                raise DemoError(f"the BindVectorizer is stalled: {message}", _REMEDY)
            if lasting.seconds(view.reason("Ready") in LASTING_REASONS, now) >= GRACE_S:
                raise DemoError(f"not Ready, and waiting will not help: {message}", _REMEDY)
            if now > deadline and not is_ready:
                raise DemoError(f"not Ready after {timeout_s:.0f} s: {message}", _REMEDY)
            time.sleep(POLL_S)


_REMEDY = (
    "the message above is the resource's own. An image that is not found may be of an older state of this "
    "checkout: run `make images` again, with the same REGISTRY if any. Else `kubectl describe` the resource "
    "for its events, and read the operator's log: "
    "`kubectl logs -n bind-system -l app.kubernetes.io/name=bind-operator`"
)


def _show(console: Console, live: Live, view: View, before: View) -> None:
    if console.is_terminal:
        live.update(_table(view), refresh=True)
        return
    shown = {(c.type, c.status, c.reason) for c in before.conditions}
    for c in view.conditions:
        if (c.type, c.status, c.reason) not in shown:
            console.print(f"  {c.type}={c.status} {c.reason}: {c.message}", markup=False, highlight=False)


def _table(view: View) -> Table:
    table = Table("condition", "status", "reason", "message")
    for condition in view.conditions:
        style = {"True": "green", "False": "yellow"}.get(condition.status, "")
        table.add_row(condition.type, condition.status, condition.reason, condition.message, style=style)
    return table
