"""What a file is, and whether it must be looked at again."""

import pytest

from bind_inference.modality import Modality
from bind_load.plan import Known, Rule, Source, is_same, modality_of, parse_rule, plan

PHOTO = Source("a/photo.jpg", Modality.IMAGE, 100, 5)
LINE = Source("t.txt:1", Modality.TEXT, 5, 9, "a dog", "aa")


def known(
    modality: str = "image", size: int = 100, mtime: int = 5, sha: str = "aa", *, failed: bool = False
) -> Known:
    return Known(modality, size, mtime, sha, failed)


@pytest.mark.parametrize(
    ("path", "modality"),
    [
        ("photo.jpg", Modality.IMAGE),
        ("a/b/PHOTO.JPEG", Modality.IMAGE),
        ("thermal/photo.jpg", Modality.THERMAL),
        ("set/Depth/x/y.png", Modality.DEPTH),
        ("depth/thermal/y.png", Modality.THERMAL),
        ("thermal.jpg", Modality.IMAGE),
        ("thermal/notes.txt", Modality.TEXT),
        ("walk.csv", Modality.IMU),
        ("call.wav", Modality.AUDIO),
        ("film.webm", Modality.VIDEO),
        ("README", None),
        ("archive.zip", None),
    ],
)
def test_a_name_tells_the_modality(path: str, modality: Modality | None) -> None:
    assert modality_of(path, []) == modality


def test_the_first_rule_that_matches_wins_over_everything() -> None:
    rules = [parse_rule("**/flir_*.png=thermal"), parse_rule("*.png=depth")]
    assert modality_of("a/b/flir_1.png", rules) is Modality.THERMAL
    assert modality_of("flir_1.png", rules) is Modality.THERMAL
    assert modality_of("1.png", rules, "image") is Modality.DEPTH
    assert modality_of("a/1.png", rules) is Modality.IMAGE
    assert modality_of("a/1.dat", rules, "audio") is Modality.AUDIO


@pytest.mark.parametrize(
    ("pattern", "path", "is_meant"),
    [
        ("*.png", "a/1.png", False),
        ("a/**/1.png", "a/1.png", True),
        ("a/**/1.png", "a/b/c/1.png", True),
        ("**", "a/1.png", True),
        ("**/*.png", "a/.b.c/1.png", True),
        ("*", ".png", True),
        ("[!a]?.png", "b1.png", True),
        ("*.PNG", "1.png", False),
        ("{a,b}.png", "a.png", False),
    ],
)
def test_a_glob_reads_as_in_a_shell(pattern: str, path: str, *, is_meant: bool) -> None:
    assert Rule(pattern, Modality.DEPTH).matches(path) is is_meant


@pytest.mark.parametrize("text", ["", "*.png", "=thermal", "*.png=smell", "*.png="])
def test_a_rule_that_is_none_says_what_it_takes(text: str) -> None:
    with pytest.raises(ValueError, match="GLOB=MODALITY"):
        parse_rule(text)


def test_a_glob_may_hold_an_equals_sign() -> None:
    assert parse_rule("a=b/*=imu").pattern == "a=b/*"


@pytest.mark.parametrize(
    ("row", "again"),
    [
        (known(), False),
        (known(failed=True), False),
        (known(size=101), True),
        (known(mtime=6), True),
        (known("thermal"), True),
        (None, True),
    ],
)
def test_only_what_changed_is_looked_at_again(row: Known | None, again: bool) -> None:
    planned = plan([PHOTO], {PHOTO.path: row} if row else {}, retry_failed=False)
    assert bool(planned.todo) is again
    assert (PHOTO.path in planned.kept) is not again


def test_a_line_is_known_by_its_content_not_by_the_files_time() -> None:
    assert not plan([LINE], {LINE.path: known("text", 5, 1)}, retry_failed=False).todo
    assert plan([LINE], {LINE.path: known("text", 5, 9, "bb")}, retry_failed=False).todo


def test_failed_ones_are_tried_again_if_asked() -> None:
    assert plan([PHOTO], {PHOTO.path: known(failed=True)}, retry_failed=True).todo == (PHOTO,)
    assert not plan([PHOTO], {PHOTO.path: known()}, retry_failed=True).todo


def test_what_is_gone_is_removed() -> None:
    assert plan([PHOTO], {"b.jpg": known()}, retry_failed=False).removed == {"b.jpg"}


def test_a_touched_file_is_the_same_if_its_content_is() -> None:
    rows = {PHOTO.path: known(mtime=1)}
    assert is_same(PHOTO, "aa", rows, retry_failed=False)
    assert not is_same(PHOTO, "bb", rows, retry_failed=False)
    assert not is_same(PHOTO, "aa", {}, retry_failed=False)
    assert not is_same(PHOTO, "aa", {PHOTO.path: known("depth")}, retry_failed=False)
    assert not is_same(PHOTO, "aa", {PHOTO.path: known(failed=True)}, retry_failed=True)
