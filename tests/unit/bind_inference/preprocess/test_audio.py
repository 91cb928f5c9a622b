"""Sound at the edges: formats, odd rates, too short, too long, lying headers, overlapping clips."""

import struct

import numpy as np
import pytest

from bind_inference.errors import AudioTooShort, InvalidItem, MediaTooLarge, UnsupportedMedia
from bind_inference.modality import Modality
from bind_inference.preprocess import Limits, preprocess
from bind_inference.preprocess.resample import resample, resampled_length, source_range
from support.media import movie_sound, sound, tone, video


@pytest.mark.parametrize(
    "data",
    [
        tone(3, kind="FLAC"),
        tone(3, kind="AIFF"),
        tone(3, 44_100),
        tone(3, 44_101),
        tone(3, 8_000),
        tone(3, 96_000, subtype="PCM_24"),
        tone(3, 44_100, kind="OGG"),
        tone(3, 48_000, kind="OGG", subtype="OPUS"),
        tone(3, 44_100, kind="MP3"),
        movie_sound(3, kind="mp4", codec="aac"),
        movie_sound(3, kind="webm", codec="libopus"),
        movie_sound(3, kind="adts", codec="aac"),
    ],
    ids=["flac", "aiff", "44k", "44101", "8k", "96k", "vorbis", "opus", "mp3", "m4a", "webm", "adts"],
)
def test_every_format_and_rate_sounds_alike(data: bytes) -> None:
    """A tone of 440 Hz is loudest in the same mel bin whatever carries it."""
    made = preprocess(Modality.AUDIO, data)
    assert made.shape == (3, 1, 128, 204)
    wanted = preprocess(Modality.AUDIO, tone(3))
    assert made[0, 0, :, 100].argmax() == wanted[0, 0, :, 100].argmax()


@pytest.mark.parametrize("seconds", [0, 0.001, 0.0249])
def test_under_25_ms_is_too_short(seconds: float) -> None:
    with pytest.raises(AudioTooShort, match="at least 25 ms are needed"):
        preprocess(Modality.AUDIO, tone(seconds))


def test_25_ms_is_enough() -> None:
    assert preprocess(Modality.AUDIO, tone(0.025)).shape == (3, 1, 128, 204)


def test_above_the_limit_of_seconds_is_refused() -> None:
    with pytest.raises(MediaTooLarge, match="over 2 s of audio"):
        preprocess(Modality.AUDIO, tone(2.5), Limits(max_audio_s=2))


def test_long_recordings_are_looked_at_in_three_places() -> None:
    """d = 62 s: clips at 0, 20 and 40 s; what is elsewhere does not matter, what is there does."""
    rate = 16_000
    wave = np.zeros(62 * rate)
    elsewhere, there = wave.copy(), wave.copy()
    elsewhere[3 * rate : 19 * rate] = elsewhere[23 * rate : 39 * rate] = elsewhere[43 * rate :] = 0.5
    there[21 * rate : 22 * rate] = np.sin(np.arange(rate))
    silent = preprocess(Modality.AUDIO, sound(wave, rate))
    assert np.array_equal(preprocess(Modality.AUDIO, sound(elsewhere, rate)), silent)
    differs = (preprocess(Modality.AUDIO, sound(there, rate)) != silent).reshape(3, -1).any(axis=1)
    assert differs.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "not finite"), (np.inf, "not finite"), (1e30, "too large")]
)
def test_float_samples_that_give_no_vector_are_refused(value: float, words: str) -> None:
    wave = np.zeros(32_000)
    wave[5000:6000] = value
    with pytest.raises(InvalidItem, match=words):
        preprocess(Modality.AUDIO, sound(wave, 16_000, subtype="DOUBLE" if value == 1e30 else "FLOAT"))


@pytest.mark.parametrize(
    "data", [b"nothing", b"#EXTM3U\nhttp://127.0.0.1:9/a.ts\n", b"RIFF\x00\x00\x00\x00WAVE"]
)
def test_what_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises((UnsupportedMedia, InvalidItem), match="not a sound file"):
        preprocess(Modality.AUDIO, data)


def test_a_film_without_sound_is_told_apart() -> None:
    with pytest.raises(InvalidItem, match="no sound in it"):
        preprocess(Modality.AUDIO, video([0, 0.5, 1]))
    with pytest.raises(InvalidItem, match="empty"):
        preprocess(Modality.AUDIO, b"")


@pytest.mark.parametrize(
    ("offset", "value"), [(22, 0), (22, 65535), (24, 0), (24, 0xFFFFFFFF), (32, 0), (34, 0)]
)
def test_a_wav_header_that_lies_does_no_harm(offset: int, value: int) -> None:
    """Channels, rate, block size, bits: 0 or the most. Decoders have died of dividing by them."""
    data = bytearray(tone(1))
    form = "<I" if offset == 24 else "<H"
    data[offset : offset + struct.calcsize(form)] = struct.pack(form, value)
    if offset == 32:  # the block size is worked out anew
        assert preprocess(Modality.AUDIO, bytes(data)).shape == (3, 1, 128, 204)
    else:
        with pytest.raises((InvalidItem, UnsupportedMedia, MediaTooLarge)):
            preprocess(Modality.AUDIO, bytes(data))


@pytest.mark.parametrize("rate", [8_000, 44_100, 44_101])
def test_resampling_a_part_gives_that_part_of_the_whole(rate: int) -> None:
    wave = np.random.default_rng(0).standard_normal((2, 3 * rate)).astype(np.float32)
    total = resampled_length(3 * rate, rate, 16_000)
    whole = resample(wave, 0, 0, total, rate, 16_000)
    start, stop = source_range(16_000, 17_000, rate, 16_000)
    part = resample(wave[:, start:stop], start, 16_000, 17_000, rate, 16_000)
    assert np.allclose(part, whole[:, 16_000:17_000], atol=1e-7)


def test_resampling_keeps_a_tone() -> None:
    rate = 44_100
    wave = np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate).astype(np.float32)[None]
    made = resample(wave, 0, 0, 32_000, rate, 16_000)[0]
    wanted = np.sin(2 * np.pi * 440 * np.arange(32_000) / 16_000).astype(np.float32)
    assert float(np.abs(made - wanted)[100:-100].max()) < 0.01
