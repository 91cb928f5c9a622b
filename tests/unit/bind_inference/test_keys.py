"""API keys: any of several is taken, a file is read again, and no message holds one."""

import logging
import os
from pathlib import Path

import pytest

from bind_inference.keys import CHECK_S, ApiKeys
from bind_inference.settings import InvalidSetting

OLD, NEW, OTHER = "old-key-0123456789", "new-key-0123456789", "oth-key-0123456789"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def bearer(key: str) -> bytes:
    return f"Bearer {key}".encode()


def test_without_keys_none_is_wanted() -> None:
    keys = ApiKeys()
    assert not keys.wanted
    assert keys.own is None


@pytest.mark.parametrize("given", [f"{OLD},{NEW}", f" {OLD}  {NEW} ", f"{OLD}\n{NEW}\n"])
def test_each_of_several_is_taken(given: str) -> None:
    keys = ApiKeys(given)
    assert keys.wanted
    assert keys.own == OLD
    assert [keys.accept(bearer(key)) for key in (OLD, NEW, OTHER)] == [True, True, False]


@pytest.mark.parametrize("header", [f"bearer {OLD}", f"BEARER   {OLD} "])
def test_the_word_before_it_may_be_written_in_any_case(header: str) -> None:
    assert ApiKeys(OLD).accept(header.encode())


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", OLD, f"Basic {OLD}", f"Bearer{OLD}", f"Bearer {OLD[:-1]}", f"Bearer {OLD}x",
     f"Bearer {OLD} {OLD}", f"Bearer {OLD},{NEW}", f"Bearer {OLD.upper()}", "Bearer \xff"],
)  # fmt: skip
def test_all_else_is_refused(header: str) -> None:
    assert not ApiKeys(f"{OLD},{NEW}").accept(header.encode("latin-1"))


def test_a_file_is_read_again_after_a_change(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "keys"
    file.write_text(f"{OLD}\n")
    keys = ApiKeys("", file, clock)
    assert keys.accept(bearer(OLD))
    for text, taken in ((f"{OLD}\n\n{NEW}\n", [True, True]), (f"{NEW}\r\n", [False, True])):
        file.write_text(text)
        clock.now += CHECK_S
        assert [keys.accept(bearer(key)) for key in (OLD, NEW)] == taken
    assert keys.own == NEW


def test_a_mounted_secret_is_a_link_that_is_swapped(tmp_path: Path) -> None:
    """As the kubelet does it: the file's link stays, and the folder that it leads to becomes another."""
    clock = Clock()
    for name, key in (("1", OLD), ("2", NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "keys").write_text(key)
        os.utime(tmp_path / name / "keys", (1, 1))
    (tmp_path / "data").symlink_to("1")
    (tmp_path / "keys").symlink_to("data/keys")
    keys = ApiKeys("", tmp_path / "keys", clock)
    (tmp_path / "next").symlink_to("2")
    (tmp_path / "next").replace(tmp_path / "data")
    clock.now += CHECK_S
    assert [keys.accept(bearer(key)) for key in (OLD, NEW)] == [False, True]


@pytest.mark.parametrize("change", ["gone", "empty", "short", "binary"])
def test_a_file_that_is_wrong_afterwards_changes_nothing_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, change: str
) -> None:
    clock, file = Clock(), tmp_path / "keys"
    file.write_text(OLD)
    keys = ApiKeys("", file, clock)
    file.unlink()
    if change != "gone":
        file.write_bytes({"empty": b"\n", "short": b"hunter2", "binary": b"\xff" * 40}[change])
    with caplog.at_level(logging.DEBUG):
        for _ in range(2):
            clock.now += CHECK_S
            assert keys.accept(bearer(OLD))
    events = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert events
    assert change == "gone" or len(events) == 1
    assert "hunter2" not in str([vars(event) for event in events])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read"),
        ("", "holds no key; write one a line"),
        (f"{OLD}\nhunter2\n", "key 2 of 2 is none: a key has 16 characters or more"),
    ],
)
def test_a_wrong_file_is_no_beginning(tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / "keys"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InvalidSetting) as caught:
        ApiKeys("", file)
    assert str(caught.value).startswith("--api-keys-file (BIND_API_KEYS_FILE): ")
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert OLD not in str(caught.value)


def test_a_wrong_variable_is_none_either() -> None:
    with pytest.raises(InvalidSetting, match=r"^BIND_API_KEYS: key 1 of 1 is none") as caught:
        ApiKeys("hunter2")
    assert "hunter2" not in str(caught.value)


def test_both_ways_may_be_used_at_once(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(NEW)
    keys = ApiKeys(OLD, tmp_path / "keys")
    assert [keys.accept(bearer(key)) for key in (OLD, NEW)] == [True, True]
    assert keys.own == NEW
