"""Decode sound block by block: by libsndfile what it can, by FFmpeg the rest."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import av
import numpy as np
import soundfile  # type: ignore[import-untyped]  # it ships no types

from bind_inference.errors import InvalidItem, MediaTooLarge
from bind_inference.preprocess.container import AUDIO_DEMUXERS, opened
from bind_inference.preprocess.limits import Floats, Limits

_BLOCK = 1 << 16  # samples
# By first bytes, because libsndfile tries many formats nobody sends, some of which look for other files.
_SNDFILE_MAGIC = (b"RIFF", b"RIFX", b"RF64", b"FORM", b"fLaC", b"OggS", b"ID3")


class Recording(Protocol):
    """Sound that can be decoded from its start as often as wanted."""

    sample_rate: int

    def blocks(self) -> Iterator[Floats]:
        """Yield float32 [channels, samples] in [-1, 1]; the number of channels is that of the first block."""


def open_recording(data: bytes, limits: Limits) -> Recording:
    """Return the sound in `data`, not decoded yet; raises what a broken or unknown format deserves."""
    if not data:
        raise InvalidItem("empty: send the bytes of a sound file in base64")
    recording: Recording | None = None
    if data.startswith(_SNDFILE_MAGIC) or _is_mpeg_frame(data):
        recording = _Sndfile.open(data, limits)
    return recording or _Ffmpeg.open(data, limits)


def _is_mpeg_frame(data: bytes) -> bool:
    """Return whether an MPEG audio frame starts here (MP3 without tags), rather than AAC's ADTS."""
    return len(data) > 2 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0 and data[1] & 0x06 != 0


def _check(channels: int, sample_rate: int, limits: Limits) -> None:
    if not 1 <= channels <= limits.max_audio_channels:
        raise MediaTooLarge(f"{channels} channels; 1 to {limits.max_audio_channels} are taken: mix them down")
    if not 1 <= sample_rate <= limits.max_sample_rate:
        raise MediaTooLarge(
            f"{sample_rate} samples a second; 1 to {limits.max_sample_rate} are taken: resample it"
        )


@dataclass
class _Sndfile:
    """Read by libsndfile: WAV, AIFF, FLAC, Ogg (Vorbis, Opus) and MP3."""

    data: bytes
    sample_rate: int

    @classmethod
    def open(cls, data: bytes, limits: Limits) -> "_Sndfile | None":
        """Return the recording, or None where libsndfile does not know it and FFmpeg may."""
        try:
            with soundfile.SoundFile(io.BytesIO(data)) as file:
                _check(file.channels, file.samplerate, limits)
                return cls(data, file.samplerate)
        except (soundfile.LibsndfileError, ValueError, OverflowError):
            return None

    def blocks(self) -> Iterator[Floats]:
        """Yield float32 [channels, samples]."""
        try:
            with soundfile.SoundFile(io.BytesIO(self.data)) as file:
                while True:
                    block = file.read(_BLOCK, dtype="float32", always_2d=True)
                    if not len(block):
                        return
                    yield block.T
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise InvalidItem(f"not sound that can be decoded: {error}") from error


@dataclass
class _Ffmpeg:
    """Read by FFmpeg: AAC, AMR, WMA, sound in MP4 and Matroska, and more."""

    data: bytes
    sample_rate: int
    layout: str

    @classmethod
    def open(cls, data: bytes, limits: Limits) -> "_Ffmpeg":
        """Return the recording; raises UnsupportedMedia where FFmpeg does not know it either."""
        with opened(data, AUDIO_DEMUXERS, "a sound file") as container:
            if not container.streams.audio:
                raise InvalidItem("no sound in it: send pictures as images, films as video")
            context = container.streams.audio[0].codec_context
            if context is None:
                raise InvalidItem("not sound that can be decoded: its codec is not known")
            _check(context.channels, context.sample_rate, limits)
            return cls(data, context.sample_rate, context.layout.name)

    def blocks(self) -> Iterator[Floats]:
        """Yield float32 [channels, samples]."""
        with opened(self.data, AUDIO_DEMUXERS, "a sound file") as container:
            stream = container.streams.audio[0]
            stream.codec_context.thread_count = 1
            # Rate and channels may change within a stream; this makes one of what comes.
            same = av.AudioResampler(format="fltp", layout=self.layout, rate=self.sample_rate)
            for frame in container.decode(stream):
                for part in same.resample(frame):
                    yield _samples(part)
            for part in same.resample(None):
                yield _samples(part)


def _samples(frame: av.AudioFrame) -> Floats:
    samples: Floats = frame.to_ndarray().astype(np.float32, copy=False)
    return samples
