"""Profiles in a folder: read, noticed when they change, and told to those who use them."""

from pathlib import Path

import pytest

from bind_operator.cluster.profiles import Profiles, load_book
from bind_operator.policy.facts import Key

A, B, C = (Key("demo", name) for name in "abc")
CPU = "device: CPU\n"


def write(folder: Path, **profiles: str) -> None:
    for name, text in profiles.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def woken() -> list[Key]:
    return []


@pytest.fixture
def profiles(tmp_path: Path, woken: list[Key]) -> Profiles:
    write(tmp_path, small=CPU, large=CPU)
    found = Profiles(tmp_path, 5.0, woken.append)
    for key, name in ((A, "small"), (B, "large"), (C, "missing")):
        found.note(key, name)
    return found


def test_they_are_read_at_the_start(profiles: Profiles) -> None:
    assert set(profiles.book.known) == {"small", "large"}


def test_nobody_is_woken_while_nothing_changes(profiles: Profiles, woken: list[Key]) -> None:
    profiles.look()
    assert woken == []


def test_those_who_use_it_are_woken_by_a_change(profiles: Profiles, woken: list[Key], tmp_path: Path) -> None:
    before = profiles.book.known["small"].digest
    write(tmp_path, small="device: CPU\nprecision: int8\n")
    profiles.look()
    assert woken == [A]
    assert profiles.book.known["small"].digest != before


def test_those_who_miss_it_are_woken_when_it_comes(
    profiles: Profiles, woken: list[Key], tmp_path: Path
) -> None:
    write(tmp_path, missing=CPU)
    profiles.look()
    assert woken == [C]


def test_those_whose_it_was_are_woken_when_it_goes_or_is_spoilt(
    profiles: Profiles, woken: list[Key], tmp_path: Path
) -> None:
    (tmp_path / "small.yaml").unlink()
    (tmp_path / "large.yaml").write_bytes(b"\xff\xfe: [")
    profiles.look()
    assert woken == [A, B]
    assert "large" in profiles.book.faults


def test_one_that_only_was_written_again_wakes_nobody(
    profiles: Profiles, woken: list[Key], tmp_path: Path
) -> None:
    write(tmp_path, small=f"# a remark\n{CPU}")
    profiles.look()
    assert woken == []


def test_who_names_another_profile_is_woken_for_that_one_only(
    profiles: Profiles, woken: list[Key], tmp_path: Path
) -> None:
    profiles.note(A, "large")
    profiles.note(B, None)
    write(tmp_path, small="device: CUDA\n", large="device: CUDA\n")
    profiles.look()
    assert woken == [A]


def test_a_mounted_config_map_is_read_as_the_kubelet_changes_it(tmp_path: Path, woken: list[Key]) -> None:
    for name, text in (("..1", CPU), ("..2", "device: CUDA\n")):
        (tmp_path / name).mkdir()
        write(tmp_path / name, small=text)
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "small.yaml").symlink_to("..data/small.yaml")
    profiles = Profiles(tmp_path, 5.0, woken.append)
    profiles.note(A, "small")
    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    profiles.look()
    assert woken == [A]
    assert list(profiles.book.known) == ["small"]


def test_one_that_is_no_text_is_a_fault_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, small=CPU)
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    book = load_book(tmp_path)
    assert (set(book.known), set(book.faults)) == ({"small"}, {"binary"})


def test_a_profile_may_have_dots_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "a100-mig-1g.10gb.yaml").write_text(CPU, encoding="utf-8")
    assert list(load_book(tmp_path).known) == ["a100-mig-1g.10gb"]


def test_without_a_folder_there_are_none(woken: list[Key]) -> None:
    profiles = Profiles(None, 5.0, woken.append)
    profiles.look()
    assert profiles.book.known == load_book(None).known == {}


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path, woken: list[Key]) -> None:
    with pytest.raises(OSError, match="nowhere"):
        Profiles(tmp_path / "nowhere", 5.0, woken.append)
