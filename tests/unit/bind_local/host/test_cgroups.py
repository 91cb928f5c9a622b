"""Our control groups in the hierarchies of a made-up machine."""

from pathlib import Path

import pytest

from bind_local.host import cgroups


@pytest.fixture
def v1(tmp_path: Path) -> Path:
    for name in ("memory", "cpuset", "pids"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.procs").write_text("")
    (tmp_path / "cpuset" / "cpuset.cpus").write_text("0-1\n")
    (tmp_path / "cpu").symlink_to(tmp_path / "memory")
    (tmp_path / "not-a-hierarchy").mkdir()
    return tmp_path


def test_each_hierarchy_of_v1_is_found_once(v1: Path) -> None:
    assert [h.name for h in cgroups.hierarchies(v1)] == ["cpuset", "memory", "pids"]


def test_v2_is_one_hierarchy(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory")
    (tmp_path / "system.slice").mkdir()
    assert cgroups.hierarchies(tmp_path) == [tmp_path]


def test_groups_are_made_in_every_hierarchy(v1: Path) -> None:
    files = cgroups.create(v1)
    assert files == tuple(
        str(v1 / h / "bindvectorizer/node/cgroup.procs") for h in ("cpuset", "memory", "pids")
    )
    assert all((v1 / h / "bindvectorizer/node").is_dir() for h in ("cpuset", "memory", "pids"))


def test_members_are_found_however_deep_and_once(v1: Path) -> None:
    cgroups.create(v1)
    pod = v1 / "memory/bindvectorizer/kubepods/burstable/pod1"
    pod.mkdir(parents=True)
    (pod / "cgroup.procs").write_text("41\n42\n")
    (v1 / "pids/bindvectorizer/node/cgroup.procs").write_text("42\n7\n")
    (v1 / "pids/cgroup.procs").write_text("1\n2\n")
    assert cgroups.members(v1) == {7, 41, 42}


def test_groups_are_removed_from_within(v1: Path) -> None:
    cgroups.create(v1)
    for group in ("bindvectorizer", "bindvectorizer/node"):
        for name in ("cpuset.cpus", "cpuset.mems"):
            (v1 / "cpuset" / group / name).unlink(missing_ok=True)  # the kernel's files go with their group
    (v1 / "memory/bindvectorizer/kubepods/pod1").mkdir(parents=True)
    assert cgroups.roots(v1) == [v1 / name / "bindvectorizer" for name in ("cpuset", "memory", "pids")]
    cgroups.remove(v1)
    assert cgroups.roots(v1) == cgroups.groups(v1) == []
    assert (v1 / "memory").is_dir()
