"""Resample a part of a waveform, band-limited: a sinc under a Hann window, as torchaudio's default."""

import math

import numpy as np

from bind_inference.preprocess.limits import Floats

ZERO_CROSSINGS = 6
ROLLOFF = 0.99
_CHUNK = 1 << 20  # taps x outputs held at once; 8 MiB as float64


def resampled_length(length: int, rate: int, new_rate: int) -> int:
    """Return how many samples `length` samples at `rate` become at `new_rate`."""
    return math.ceil(new_rate * length / rate)


def source_range(first: int, last: int, rate: int, new_rate: int) -> tuple[int, int]:
    """Return the [start, stop) of source samples that outputs [first, last) depend on; start may be < 0."""
    reach = _reach(rate, new_rate)
    return first * rate // new_rate - reach, (last - 1) * rate // new_rate + reach + 2


def resample(waveform: Floats, offset: int, first: int, last: int, rate: int, new_rate: int) -> Floats:
    """Return outputs [first, last) at `new_rate`, float32 [channels, last - first].

    waveform: float32 [channels, samples] at `rate`, whose first sample is number `offset` of the recording;
    it holds `source_range(first, last, …)` as far as the recording goes, which is silent outside. Only
    taps under the window are computed, so odd pairs of rates cost no more than common ones (a table of
    every phase would be 16,000 x 44,000 for 44,101 Hz).
    """
    divisor = math.gcd(rate, new_rate)
    rate, new_rate = rate // divisor, new_rate // divisor
    cutoff = ROLLOFF * min(rate, new_rate)
    reach = _reach(rate, new_rate)
    taps = np.arange(-reach, reach + 2)
    out = np.empty((waveform.shape[0], last - first), np.float32)
    step = max(1, _CHUNK // len(taps))
    for start in range(first, last, step):
        outputs = np.arange(start, min(start + step, last))
        # Integers until here: exact phases however long the recording is.
        ticks = outputs * rate
        source = (ticks // new_rate)[:, None] + taps
        phase = (source * new_rate - ticks[:, None]) / (rate * new_rate)
        crossings = (phase * cutoff).clip(-ZERO_CROSSINGS, ZERO_CROSSINGS)
        window = np.square(np.cos(crossings * (math.pi / (2 * ZERO_CROSSINGS))))
        kernel = (np.sinc(crossings) * window * (cutoff / rate)).astype(np.float32)
        index = source - offset
        inside = (index >= 0) & (index < waveform.shape[1])
        samples = waveform[:, index.clip(0, waveform.shape[1] - 1)] * inside
        out[:, start - first : start - first + len(outputs)] = (samples * kernel).sum(-1)
    return out


def _reach(rate: int, new_rate: int) -> int:
    """Return the half width of the window in source samples."""
    return math.ceil(ZERO_CROSSINGS * rate / (ROLLOFF * min(rate, new_rate)))
