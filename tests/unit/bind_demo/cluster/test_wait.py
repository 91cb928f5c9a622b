import io
from typing import Any

import pytest
from rich.console import Console

from bind_demo.cluster.wait import wait_ready
from bind_demo.errors import DemoError


def _resource(ready: str, *, reason: str = "RollingOut", observed: int = 2, **more: str) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready, "reason": reason, "message": "0 of 1 pods are ready"}]
    conditions += [
        {"type": name, "status": status, "reason": "R", "message": "m"} for name, status in more.items()
    ]
    return {
        "metadata": {"generation": 2},
        "status": {"observedGeneration": observed, "conditions": conditions},
    }


def _wait(*states: dict[str, Any], timeout_s: float = 5, settle_s: float = 0) -> str:
    """Wait over a list of states, each seen once, the last for ever; return what was printed."""
    out = io.StringIO()
    left = list(states)
    wait_ready(
        Console(file=out, width=100), lambda: left.pop(0) if len(left) > 1 else left[0], timeout_s, settle_s
    )
    return out.getvalue()


def test_changes_are_printed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bind_demo.cluster.wait.POLL_S", 0)
    printed = _wait(_resource("False"), _resource("False"), _resource("True", reason="InSync"))
    assert printed.count("Ready=False") == 1
    assert printed.count("Ready=True InSync") == 1


def test_a_new_operator_may_still_take_ready_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1, 100))
    monkeypatch.setattr("bind_demo.cluster.wait.POLL_S", 0)
    monkeypatch.setattr("bind_demo.cluster.wait.time.monotonic", lambda: next(clock))
    ready, upgrading = _resource("True", reason="InSync"), _resource("Unknown", reason="Upgrading")
    printed = _wait(ready, upgrading, ready, timeout_s=50, settle_s=5)
    assert printed.index("Ready=Unknown Upgrading") < printed.rindex("Ready=True InSync")


def test_ready_of_an_older_spec_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bind_demo.cluster.wait.POLL_S", 0)
    with pytest.raises(DemoError, match="not Ready after"):
        _wait(_resource("True", observed=1), timeout_s=0.05)


def test_a_stalled_resource_ends_the_wait_with_readys_message() -> None:
    with pytest.raises(DemoError, match=r"stalled: RollingOut: 0 of 1 pods are ready"):
        _wait(_resource("False", Stalled="True"))


def test_time_up_says_what_ready_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bind_demo.cluster.wait.POLL_S", 0)
    with pytest.raises(DemoError, match=r"not Ready after 0 s: RollingOut: 0 of 1 pods are ready"):
        _wait(_resource("False"), timeout_s=0.01)


def test_no_status_yet_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bind_demo.cluster.wait.POLL_S", 0)
    with pytest.raises(DemoError, match="the operator has not written a status yet"):
        _wait({"metadata": {"generation": 1}}, timeout_s=0.01)


def test_an_image_that_is_not_there_ends_the_wait_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bind_demo.cluster.wait.POLL_S", 0)
    monkeypatch.setattr("bind_demo.cluster.wait.GRACE_S", 0.02)
    with pytest.raises(DemoError, match="waiting will not help: ImagePullFailed: 0 of 1"):
        _wait(_resource("False", reason="ImagePullFailed"), timeout_s=30)


def test_a_message_that_flickers_is_printed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bind_demo.cluster.wait.POLL_S", 0)
    other = _resource("False")
    other["status"]["conditions"][0]["message"] = "Back-off"
    printed = _wait(_resource("False"), other, _resource("False"), other, _resource("True", reason="InSync"))
    assert printed.count("Ready=False RollingOut") == 1
