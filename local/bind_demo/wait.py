"""Waiting for a BindVectorizer, with its conditions in view."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from bind_demo.errors import DemoError

POLL_S = 0.5


@dataclass(frozen=True)
class Condition:
    """One condition of a resource, as its status says it."""

    type: str
    status: str
    reason: str
    message: str


@dataclass(frozen=True)
class View:
    """A resource at one moment: its conditions, and whether they speak about the newest spec."""

    conditions: tuple[Condition, ...] = ()
    current: bool = False

    def is_true(self, kind: str) -> bool:
        """Whether a condition is True for the newest spec."""
        return self.current and any(c.type == kind and c.status == "True" for c in self.conditions)

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


def wait_ready(
    console: Console, read: Callable[[], Mapping[str, Any]], timeout_s: float, settle_s: float = 0
) -> View:
    """Return once the resource has been Ready for `settle_s`, showing its conditions meanwhile.

    On a terminal the table redraws itself; elsewhere a line is printed for each change.
    Raises DemoError with Ready's message when the resource is Stalled or time is up.
    """
    deadline = time.monotonic() + timeout_s
    ready_since: float | None = None
    shown: View | None = None
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            view = view_of(read())
            if view != shown:
                _show(console, live, view, shown or View())
                shown = view
            ready_since = (ready_since or time.monotonic()) if view.is_true("Ready") else None
            if ready_since and time.monotonic() - ready_since >= settle_s:
                return view
            if view.is_true("Stalled"):
                raise DemoError(f"the BindVectorizer is stalled: {view.message('Ready')}", _REMEDY)
            if time.monotonic() > deadline and not ready_since:
                raise DemoError(f"not Ready after {timeout_s:.0f} s: {view.message('Ready')}", _REMEDY)
            time.sleep(POLL_S)


_REMEDY = (
    "the message above is the resource's own; `kubectl describe` the resource for its events, and read the "
    "operator's log with `kubectl logs -n bind-system -l app.kubernetes.io/name=bind-operator`"
)


def _show(console: Console, live: Live, view: View, before: View) -> None:
    if console.is_terminal:
        live.update(_table(view), refresh=True)
        return
    for condition in view.conditions:
        if condition not in before.conditions:
            console.print(f"  {condition.type}={condition.status} {condition.reason}: {condition.message}")


def _table(view: View) -> Table:
    table = Table("condition", "status", "reason", "message")
    for condition in view.conditions:
        style = {"True": "green", "False": "yellow"}.get(condition.status, "")
        table.add_row(condition.type, condition.status, condition.reason, condition.message, style=style)
    return table
