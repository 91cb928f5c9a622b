"""Which windows a recording has, and how they are told apart."""

import pytest

from bind_inference.items.windows import (
    WINDOWED,
    WindowGroup,
    Windows,
    pack_windows,
    unpack_windows,
    window_bytes,
)
from bind_inference.modality import Modality


def starts(windows: Windows, duration_ms: int) -> list[int]:
    return [start for start, _ in windows.within(duration_ms).spans]


@pytest.mark.parametrize(
    ("windows", "duration_ms", "expected"),
    [
        (Windows(2000, 2000), 6000, [0, 2000, 4000]),
        (Windows(2000, 1000), 5000, [0, 1000, 2000, 3000]),
        (Windows(2000, 2000), 2000, [0]),
        # one more, which ends with the recording
        (Windows(2000, 2000), 6500, [0, 2000, 4000, 4500]),
        (Windows(2000, 1000), 5001, [0, 1000, 2000, 3000, 3001]),
        # shorter than a window, or of no length: one
        (Windows(2000, 2000), 700, [0]),
        (Windows(2000, 500), 0, [0]),
        # gaps that were asked for
        (Windows(2000, 10_000), 25_000, [0, 10_000, 20_000]),
        (Windows(2000, 10_000), 21_000, [0, 10_000, 19_000]),
        (Windows(2000, 10_000), 20_000, [0, 10_000]),
        (Windows(2000, 10_000), 14_000, [0, 10_000]),
    ],
)
def test_windows_start_at_each_stride_and_the_last_ends_with_the_recording(
    windows: Windows, duration_ms: int, expected: list[int]
) -> None:
    assert starts(windows, duration_ms) == expected
    assert windows.within(duration_ms).count == len(expected)


def test_no_window_ends_behind_the_recording() -> None:
    assert Windows(2000, 2000).within(700).times_s == [(0.0, 0.7)]
    assert Windows(2000, 2000).within(3700).times_s == [(0.0, 2.0), (1.7, 3.7)]


@pytest.mark.parametrize("duration_ms", [0, 700, 2000, 59_000, 60_000, 60_300])
@pytest.mark.parametrize("page_ms", [1000, 7000, 60_000])
def test_pages_are_all_windows_and_none_twice(duration_ms: int, page_ms: int) -> None:
    pages = [
        starts(Windows(2000, 1000, first, first + page_ms), duration_ms)
        for first in range(0, 70_000, page_ms)
    ]
    assert [start for page in pages for start in page] == starts(Windows(2000, 1000), duration_ms)


def test_behind_the_end_there_are_none() -> None:
    assert starts(Windows(2000, 1000, 60_000), 60_000) == []
    assert starts(Windows(2000, 1000, 8000, 5000), 60_000) == []


def test_groups_are_all_windows_in_order() -> None:
    whole = Windows(2000, 1000, 3000).within(20_500)
    groups = list(whole.split(4))
    assert [group.count for group in groups] == [4, 4, 4, 4, 1]
    assert [span for group in groups for span in group.spans] == whole.spans


def test_four_hours_of_a_window_each_tenth_of_a_second_are_counted_at_once() -> None:
    whole = Windows(2000, 100, 14_000_000).within(14_400_050)
    assert (whole.first, whole.count) == (140_000, 3982)
    assert whole.spans[-1] == (14_398_050, 14_400_050)


def test_the_same_stretches_have_the_same_key_however_asked_for() -> None:
    item = (Modality.AUDIO, bytes(32))
    key = Windows(2000, 1000).within(9000).key(item)
    assert key == Windows(2000, 1000, 0, 60_000).within(9000).key(item)
    assert len(key[1]) == 32
    others = {
        Windows(2000, 2000).within(9000).key(item),
        Windows(1000, 1000).within(9000).key(item),
        Windows(2000, 1000).within(8000).key(item),
        Windows(2000, 1000).within(9000).key((Modality.AUDIO, bytes(31) + b"x")),
        item,
    }
    assert len(others | {key}) == 6


@pytest.mark.parametrize(("length_ms", "part"), [(100, True), (2000, True), (2001, False)])
def test_up_to_two_seconds_a_window_takes_the_memory_of_one_clip(length_ms: int, part: bool) -> None:
    for modality in WINDOWED:
        whole = modality.entry.decoded_bytes
        clips = modality.entry.clips
        assert window_bytes(modality, length_ms) == (whole // clips if part else whole)


def test_windows_are_packed_for_another_process() -> None:
    windows = {Modality.AUDIO: Windows(2000, 1000, 5, 9), Modality.VIDEO: Windows(2000, 2000)}
    assert unpack_windows(pack_windows(windows)) == windows
    assert list(WindowGroup(2000, 1000, 4000, 1, 0).split(3)) == []
