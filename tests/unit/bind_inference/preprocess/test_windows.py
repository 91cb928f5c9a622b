"""A window is what a file would be that holds just that stretch."""

import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from bind_inference.errors import AudioTooShort, InvalidItem, MediaTooLarge
from bind_inference.modality import Modality
from bind_inference.pixels import MEAN, STD
from bind_inference.preprocess import Limits, audio, duration_ms, frames, preprocess, preprocess_windows
from support.media import movie_sound, sound, tone, video

Span = tuple[int, int]


def made(modality: Modality, data: bytes, spans: Sequence[Span]) -> list[npt.NDArray[np.float32]]:
    return list(preprocess_windows(modality, data, spans))


def noise(seconds: float, rate: int, channels: int = 2) -> npt.NDArray[np.floating]:
    return np.random.default_rng(0).uniform(-0.5, 0.5, (int(seconds * rate), channels))


@pytest.mark.parametrize("rate", [16_000, 8_000, 44_100, 48_000])
@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_a_window_of_sound_is_a_file_of_that_stretch_bit_for_bit(rate: int, kind: str) -> None:
    wave = noise(21, rate)
    data = sound(wave, rate, kind=kind)
    spans = [(0, 5000), (2500, 7500), (5000, 10_000), (15_999, 20_999)]
    for (start, end), window in zip(spans, made(Modality.AUDIO, data, spans), strict=True):
        cut = wave[start * rate // 1000 : end * rate // 1000]
        assert np.array_equal(window, preprocess(Modality.AUDIO, sound(cut, rate, kind=kind)))


def test_up_to_two_seconds_the_clips_are_alike_and_there_is_one() -> None:
    wave = noise(10, 44_100)
    (window,) = made(Modality.AUDIO, sound(wave, 44_100), [(3000, 5000)])
    whole = preprocess(Modality.AUDIO, sound(wave[3 * 44_100 : 5 * 44_100], 44_100))
    assert window.shape == (1, 1, 128, 204)
    # Of alike clips each has the mean taken off it once more, which is next to nothing by then.
    assert np.allclose(whole, window, atol=1e-4)
    assert np.array_equal(whole[:1], window)


def test_windows_of_a_recording_that_is_decoded_in_small_frames() -> None:
    data = movie_sound(9, kind="mp4", codec="aac")
    whole, *parts = made(Modality.AUDIO, data, [(0, 8000), (0, 4000), (4000, 8000), (7000, 11_000)])
    assert whole.shape == parts[0].shape == (3, 1, 128, 204)
    assert duration_ms(Modality.AUDIO, data) in range(9000, 9100)


def test_one_window_for_all_is_the_file_itself() -> None:
    data = sound(noise(5, 16_000), 16_000)
    (window,) = made(Modality.AUDIO, data, [(0, 600_000)])
    assert np.array_equal(window, preprocess(Modality.AUDIO, data))
    data = video([number / 25 for number in range(150)])
    (window,) = made(Modality.VIDEO, data, [(0, 600_000)])
    assert np.array_equal(window, preprocess(Modality.VIDEO, data))


def test_windows_are_made_while_the_recording_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour is never held: when a window is there, no more is decoded than a block behind its end.

    What lies before the next is gone by then.
    """
    decoded = 0
    blocks: list[weakref.ref[npt.NDArray[np.float32]]] = []

    class Counting:
        sample_rate = 16_000

        def blocks(self) -> Iterator[npt.NDArray[np.float32]]:
            nonlocal decoded
            for _ in range(3600):
                decoded += 1
                block = np.full((1, 16_000), 0.1, np.float32)
                blocks.append(weakref.ref(block))
                yield block
                del block

    monkeypatch.setattr(audio, "open_recording", lambda *_: Counting())
    windows = preprocess_windows(
        Modality.AUDIO, b"", [(second, second + 2000) for second in range(0, 3_598_000, 1000)]
    )
    for number in range(20):
        next(windows)
        assert decoded == number + 2
        assert sum(block() is not None for block in blocks) <= 4


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"nothing", "not a sound file"), (b"", "empty"), (video([0, 1]), "no sound in it")],
)
def test_what_has_no_sound_has_no_length(data: bytes, words: str) -> None:
    with pytest.raises((InvalidItem, Exception), match=words):
        duration_ms(Modality.AUDIO, data)
    with pytest.raises((InvalidItem, Exception), match=words):
        made(Modality.AUDIO, data, [(0, 2000)])


def test_a_recording_of_no_length_is_too_short() -> None:
    for seconds in (0, 0.02):
        data = tone(seconds)
        assert duration_ms(Modality.AUDIO, data) == seconds * 1000
        with pytest.raises(AudioTooShort):
            made(Modality.AUDIO, data, [(0, 2000)])


def test_samples_that_are_no_numbers_are_refused_in_their_window() -> None:
    wave = noise(8, 16_000)
    wave[5 * 16_000] = np.nan
    data = sound(wave, 16_000, subtype="FLOAT")
    assert len(made(Modality.AUDIO, data, [(0, 2000), (2000, 4000)])) == 2
    with pytest.raises(InvalidItem, match="not finite"):
        made(Modality.AUDIO, data, [(4000, 6000)])


def test_above_the_limit_of_seconds_nothing_is_measured() -> None:
    with pytest.raises(MediaTooLarge, match="over 2 s of audio"):
        duration_ms(Modality.AUDIO, tone(2.5), Limits(max_audio_s=2))
    with pytest.raises(MediaTooLarge, match="at most 5 are taken"):
        duration_ms(Modality.VIDEO, video([0, 10]), Limits(max_video_s=5))


def shown(window: npt.NDArray[np.float32]) -> list[Span]:
    """Return the numbers of the first and last frame of each clip; frame k is grey 10 k."""
    levels = (window[1::3, 0, :, 112, 112] * STD[0] + MEAN[0]) * 255
    return [(round(float(first) / 10), round(float(last) / 10)) for first, last in levels]


EVERY_HALF_SECOND = [number / 2 for number in range(24)]  # twelve seconds


def test_a_window_of_two_seconds_is_its_first_and_last_frame() -> None:
    spans = [(0, 2000), (1000, 3000), (2000, 4000), (9900, 11_900)]
    windows = made(Modality.VIDEO, video(EVERY_HALF_SECOND), spans)
    assert [window.shape for window in windows] == [(3, 3, 2, 224, 224)] * 4
    assert [shown(window) for window in windows] == [[(0, 3)], [(2, 5)], [(4, 7)], [(20, 23)]]


def test_a_shorter_window_ends_where_it_ends() -> None:
    spans = [(0, 500), (0, 1000), (1000, 2000), (11_000, 12_000)]
    windows = made(Modality.VIDEO, video(EVERY_HALF_SECOND), spans)
    assert [shown(window) for window in windows] == [[(0, 0)], [(0, 1)], [(2, 3)], [(22, 23)]]


@pytest.mark.parametrize("kind", ["mp4", "matroska", "avi", "mpegts"])
def test_a_window_of_a_video_is_a_file_of_that_stretch(kind: str) -> None:
    """A lossless codec, because another makes other pictures of frames that follow others."""
    stamps = [number / 25 for number in range(500)]
    codec = "ffv1" if kind in {"matroska", "avi"} else "mpeg4"
    data = video(stamps, kind=kind, codec=codec, step=0.5)
    spans = [(0, 5000), (1000, 6000), (4000, 9000), (15_000, 20_000)]
    for (start, end), window in zip(spans, made(Modality.VIDEO, data, spans), strict=True):
        numbers = range(start // 40, end // 40)
        cut = video(
            [(number - numbers[0]) / 25 for number in numbers],
            kind=kind,
            codec=codec,
            step=0.5,
            first=numbers[0],
        )
        expected = preprocess(Modality.VIDEO, cut)
        assert window.shape == expected.shape
        tolerance = 1e-6 if codec == "ffv1" else 0.05
        assert np.allclose(window, expected, atol=tolerance)


def test_frames_at_odd_times_show_what_is_on_show() -> None:
    data = video([0, 0.3, 5, 10, 10.1, 20])
    windows = made(
        Modality.VIDEO, data, [(0, 2000), (2000, 4000), (4000, 6000), (6000, 8000), (10_050, 12_050)]
    )
    assert [shown(window) for window in windows] == [[(0, 1)], [(1, 1)], [(2, 2)], [(2, 2)], [(4, 4)]]


@pytest.mark.parametrize("kind", ["mp4", "matroska", "avi", "mpegts"])
def test_jumping_to_a_group_finds_the_frames_of_decoding_all(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = video([number / 25 for number in range(1500)], kind=kind, step=0.1)
    spans = [(41_000, 43_000), (42_000, 44_000), (55_480, 57_480)]
    jumped = made(Modality.VIDEO, data, spans)
    monkeypatch.setattr(frames, "_INDEXED", ())
    assert all(map(np.array_equal, made(Modality.VIDEO, data, spans), jumped))


@pytest.mark.parametrize("place", ["behind the start", "behind the end"])
def test_an_index_that_points_too_far_is_seen(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    class Misleading:
        def __init__(self, container: Any) -> None:
            self._container = container

        def seek(self, offset: int, stream: Any) -> None:
            self._container.seek(offset, stream=stream)
            if offset > 0 and place == "behind the start":
                while next(self._container.decode(stream)).pts < offset:
                    pass
            elif offset > 0:
                list(self._container.demux(stream))

        def __getattr__(self, name: str) -> Any:
            return getattr(self._container, name)

    data = video([number / 25 for number in range(500)], step=0.4)
    spans = [(10_000, 12_000), (11_000, 13_000)]
    expected = made(Modality.VIDEO, data, spans)
    make = frames.Decoder.__init__

    def misled(decoder: frames.Decoder, data: bytes, container: Any, limits: Limits) -> None:
        make(decoder, data, Misleading(container), limits)

    monkeypatch.setattr(frames.Decoder, "__init__", misled)
    assert all(map(np.array_equal, made(Modality.VIDEO, data, spans), expected))


def test_a_late_window_is_not_decoded_up_to() -> None:
    data = video([number / 25 for number in range(1500)])
    list(preprocess_windows(Modality.VIDEO, data, [(50_000, 52_000)], Limits(max_video_frames=80)))
    with pytest.raises(MediaTooLarge, match="over 80 frames"):
        list(preprocess_windows(Modality.VIDEO, data, [(50_000, 56_000)], Limits(max_video_frames=80)))


def test_a_header_that_lies_shows_the_last_frame() -> None:
    (window,) = made(Modality.VIDEO, video(EVERY_HALF_SECOND), [(100_000, 102_000)])
    assert shown(window) == [(23, 23)]


@pytest.mark.parametrize("kind", ["mp4", "matroska"])
def test_a_single_frame_has_a_window(kind: str) -> None:
    data = video([0], kind=kind)
    assert duration_ms(Modality.VIDEO, data) in range(200)
    (window,) = made(Modality.VIDEO, data, [(0, 2000)])
    assert shown(window) == [(0, 0)]


def test_few_frames_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames of 4K are 12 MB each, and a group of windows has many."""
    held: list[int] = []
    real = frames.Clip.frames

    def counting(clip: frames.Clip) -> object:
        held.append(sum(other.first is not None for other in clips))
        return real(clip)

    clips: list[frames.Clip] = []
    make = frames.Decoder.window
    monkeypatch.setattr(
        frames.Decoder, "window", lambda *given: [clips.append(clip) or clip for clip in make(*given)]
    )
    monkeypatch.setattr(frames.Clip, "frames", counting)
    made(
        Modality.VIDEO, video(EVERY_HALF_SECOND), [(start, start + 2000) for start in range(0, 10_000, 1000)]
    )
    assert len(held) == 10
    assert max(held) <= 3
