"""The order in which the node's first process starts its units, and what it does when one ends."""

import socket
from pathlib import Path

import pytest

from bind_local.node.init import (
    RESTART_S,
    State,
    UnitProcess,
    is_ready,
    may_start,
    probe_succeeds,
    record_exit,
)
from bind_local.node.units import NodeSpec, Unit


def running(*units: Unit) -> dict[str, UnitProcess]:
    return {unit.name: UnitProcess(unit) for unit in units}


def test_a_unit_waits_until_all_before_it_are_ready() -> None:
    units = running(
        Unit("etcd", ("etcd",)),
        Unit("disk", ("mount",), oneshot=True),
        Unit("api", ("api",), after=("etcd", "disk")),
    )
    assert not may_start(units["api"], units, 0)
    units["etcd"].state = State.STARTED
    units["disk"].state = State.DONE
    assert not may_start(units["api"], units, 0)
    units["etcd"].state = State.READY
    assert may_start(units["api"], units, 0)


def test_a_unit_that_runs_is_not_started_again() -> None:
    units = running(Unit("etcd", ("etcd",)))
    for state in (State.STARTED, State.READY, State.DONE):
        units["etcd"].state = state
        assert not may_start(units["etcd"], units, 0)


@pytest.mark.parametrize("status", [0, 1, -9])
def test_a_daemon_that_ends_starts_again_after_a_pause(status: int) -> None:
    units = running(Unit("etcd", ("etcd",)))
    units["etcd"].state, units["etcd"].pid = State.READY, 12
    record_exit(units["etcd"], status, now=100)
    assert units["etcd"].pid == 0
    assert not may_start(units["etcd"], units, 100)
    assert may_start(units["etcd"], units, 100 + RESTART_S)


@pytest.mark.parametrize(("status", "state"), [(0, State.DONE), (1, State.WAITING)])
def test_a_oneshot_is_done_only_when_it_succeeds(status: int, state: State) -> None:
    entry = UnitProcess(Unit("once", ("true",), oneshot=True), State.STARTED, pid=12)
    record_exit(entry, status, now=0)
    assert entry.state is state


def test_readiness_is_probed_at_the_unit_s_address(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as unix, socket.create_server(("127.0.0.1", 0)) as tcp:
        unix.bind(str(path))
        assert not probe_succeeds(f"unix:{path}")  # bound, but nobody listens yet
        unix.listen()
        port = tcp.getsockname()[1]
        assert probe_succeeds(f"unix:{path}")
        assert probe_succeeds(f"tcp:127.0.0.1:{port}")
    assert not probe_succeeds(f"tcp:127.0.0.1:{port}")
    assert not probe_succeeds(f"https://127.0.0.1:{port}/readyz")


def test_a_unit_without_an_address_is_ready_once_started() -> None:
    entry = UnitProcess(Unit("kubelet", ("kubelet",)))
    assert not is_ready(entry)
    entry.state = State.STARTED
    assert is_ready(entry)


def test_the_spec_survives_the_pipe() -> None:
    unit = Unit("api", ("api", "--x"), after=("etcd",), ready="tcp:127.0.0.1:1", env={"A": "b"})
    spec = NodeSpec(("/sys/fs/cgroup/x/cgroup.procs",), (("true",), ("echo", "é")), (unit,), "/log")
    assert NodeSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("text", ["", "{}", "nonsense", '{"units": [{}], "setup": []}'])
def test_a_broken_spec_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        NodeSpec.from_json(text)
