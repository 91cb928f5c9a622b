"""espeak-ng speaks the sentences; a second recording of each serves the queries."""

import io
import shutil
import subprocess

import av
import numpy as np
import numpy.typing as npt
import soundfile  # type: ignore[import-untyped]

from bind_demo.errors import DemoError
from bind_demo.media.things import Thing

Samples = npt.NDArray[np.float32]


def speak(thing: Thing, words_per_minute: int = 150) -> bytes:
    """Return the thing's sentence as a WAV file (22,050 Hz, mono). Raises DemoError without espeak-ng."""
    program = shutil.which("espeak-ng")
    if program is None:
        raise DemoError("espeak-ng, which speaks the sentences, is not installed", "run `make packages`")
    spoken = subprocess.run(
        [program, "--stdout", "-v", "en", "-s", str(words_per_minute), thing.spoken],
        capture_output=True,
        check=False,
    )
    if spoken.returncode != 0 or not spoken.stdout:
        raise DemoError(
            f"espeak-ng failed: {spoken.stderr.decode(errors='replace').strip()}", "run `make packages`"
        )
    samples, rate = soundfile.read(io.BytesIO(spoken.stdout), dtype="float32")
    return _file(samples, rate, "WAV")  # written anew: a WAV on a pipe has no true length in its header


def rerecord(wav: bytes, random: np.random.Generator) -> bytes:
    """Return the recording as a FLAC file of 16,000 Hz, 10 % quieter and with a faint hiss."""
    samples = 0.9 * _resample(wav, 16_000)
    hiss = random.normal(0, 0.0001, samples.size).astype(np.float32)
    return _file(np.clip(samples + hiss, -1, 1), 16_000, "FLAC")


def _resample(wav: bytes, rate_hz: int) -> Samples:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate_hz)
    with av.open(io.BytesIO(wav), "r") as container:
        frames = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def _file(samples: Samples, rate_hz: int, kind: str) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate_hz, format=kind, subtype="PCM_16")
    return out.getvalue()
