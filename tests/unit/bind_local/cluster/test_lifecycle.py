"""Which cluster may be left alone: this very one, seen through to its end, with its first process alive."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from bind_local.cluster import lifecycle, readiness, record
from bind_local.cluster.record import Record
from bind_local.host.processes import Identity, identify
from bind_local.paths import Paths

PATHS = Paths(Path("/cache/bv"))


def healthy(monkeypatch: pytest.MonkeyPatch, known: Record | None, *, ready: bool = True) -> bool:
    monkeypatch.setattr(record, "read", lambda: known)
    monkeypatch.setattr(readiness, "node_is_ready", lambda _: ready)
    return lifecycle.is_healthy(PATHS, "spec")


def test_only_a_complete_living_ready_cluster_of_the_same_spec_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = identify(os.getpid())
    assert here is not None
    good = Record("/cache/bv", "/checkout", "spec", starter=here, init=here, complete=True)
    assert healthy(monkeypatch, good)
    assert not healthy(monkeypatch, good, ready=False)
    assert not healthy(monkeypatch, None)
    assert not healthy(monkeypatch, replace(good, complete=False))
    assert not healthy(monkeypatch, replace(good, spec="another"))
    assert not healthy(monkeypatch, replace(good, init=None))
    assert not healthy(monkeypatch, replace(good, init=Identity(here.pid, here.started + 1)))


def test_images_of_another_containerd_s_major_version_are_removed(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    for root in (paths.containerd, tmp_path / "containerd", tmp_path / "containerd-1", tmp_path / "registry"):
        (root / "io.containerd.content.v1.content").mkdir(parents=True)
    lifecycle.remove_other_roots(paths)
    assert {root.name for root in tmp_path.iterdir()} == {paths.containerd.name, "registry"}
