"""Log-mel filterbanks as Kaldi computes them (`compute-fbank-feats --htk-compat --window-type=hanning`)."""

import functools

import numpy as np

from bind_inference.preprocess.limits import Floats

SAMPLE_RATE = 16_000
WINDOW, SHIFT = 400, 160  # 25 ms and 10 ms
FFT_SIZE = 512
MEL_BINS, FRAMES = 128, 204
LOW_HZ = 20.0
PREEMPHASIS = np.float32(0.97)
MEAN, STD = np.float32(-4.268), np.float32(9.138)  # of AudioSet
_FLOOR = np.finfo(np.float32).eps


def mel_spectrogram(waveform: Floats) -> Floats:
    """Return log-mel filterbanks, normalised, float32 [1, 128 mel bins, 204 frames of 10 ms].

    waveform: float32 [channels, samples >= 400] at 16 kHz in [-1, 1]; channel 0 is used, after the mean of
    all channels is taken off. Longer ones are cut, shorter ones padded with zeros before normalising.
    """
    samples = (waveform - waveform.mean())[0]
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::SHIFT]
    frames = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    frames = (frames - PREEMPHASIS * before) * _window()
    with np.errstate(over="ignore", invalid="ignore"):  # samples of 1e20: judged by the caller
        power = np.square(np.abs(np.fft.rfft(frames, n=FFT_SIZE)))
        mel = np.log(np.maximum(power @ _mel_banks().T, _FLOOR)).T[:, :FRAMES]
    padded = np.zeros((1, MEL_BINS, FRAMES), np.float32)
    padded[0, :, : mel.shape[1]] = mel
    return (padded - MEAN) / STD


@functools.cache
def _window() -> Floats:
    return np.hanning(WINDOW).astype(np.float32)


@functools.cache
def _mel_banks() -> Floats:
    """Return triangles evenly spaced in mel from 20 Hz to 8 kHz, float32 [128, 257]."""
    low, high = _mel(np.array(LOW_HZ, np.float32)), _mel(np.array(SAMPLE_RATE / 2, np.float32))
    step = (high - low) / np.float32(MEL_BINS + 1)
    left = low + np.arange(MEL_BINS, dtype=np.float32)[:, None] * step
    mel = _mel(np.float32(SAMPLE_RATE / FFT_SIZE) * np.arange(FFT_SIZE // 2, dtype=np.float32))[None]
    rising, falling = (mel - left) / step, (left + 2 * step - mel) / step
    # Kaldi's triangles end before the highest bin.
    return np.pad(np.minimum(rising, falling).clip(min=0), ((0, 0), (0, 1)))


def _mel(hertz: Floats) -> Floats:
    mel: Floats = np.float32(1127.0) * np.log(1 + hertz / np.float32(700))
    return mel
