"""Log-mel filterbanks as Kaldi computes them (`compute-fbank-feats --htk-compat --window-type=hanning`)."""

import functools

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (the name everybody knows)

SAMPLE_RATE = 16_000
WINDOW, SHIFT = 400, 160  # 25 ms and 10 ms
FFT_SIZE = 512
MEL_BINS, FRAMES = 128, 204
LOW_HZ = 20.0
PREEMPHASIS = 0.97
MEAN, STD = -4.268, 9.138  # of AudioSet
_FLOOR = torch.finfo(torch.float32).eps


def mel_spectrogram(waveform: Tensor) -> Tensor:
    """Return log-mel filterbanks, normalised, float32 [1, 128 mel bins, 204 frames of 10 ms].

    waveform: float32 [channels, samples >= 400] at 16 kHz in [-1, 1]; channel 0 is used, after the mean of
    all channels is taken off. Longer ones are cut, shorter ones padded with zeros before normalising.
    """
    samples = (waveform - waveform.mean())[0]
    frames = samples.unfold(0, WINDOW, SHIFT)
    frames = frames - frames.mean(dim=1, keepdim=True)
    before = F.pad(frames.unsqueeze(0), (1, 0), mode="replicate").squeeze(0)[:, :-1]
    frames = (frames - PREEMPHASIS * before) * _window()
    power = torch.fft.rfft(frames, n=FFT_SIZE).abs().square()
    mel = (power @ _mel_banks().T).clamp(min=_FLOOR).log().T
    mel = F.pad(mel[:, :FRAMES], (0, max(0, FRAMES - mel.shape[1])))
    return (mel.unsqueeze(0) - MEAN) / STD


@functools.cache
def _window() -> Tensor:
    return torch.hann_window(WINDOW, periodic=False)


@functools.cache
def _mel_banks() -> Tensor:
    """Return triangles evenly spaced in mel from 20 Hz to 8 kHz, float32 [128, 257]."""
    low, high = _mel(torch.tensor(LOW_HZ)), _mel(torch.tensor(SAMPLE_RATE / 2))
    step = (high - low) / (MEL_BINS + 1)
    left = low + torch.arange(MEL_BINS).unsqueeze(1) * step
    mel = _mel(SAMPLE_RATE / FFT_SIZE * torch.arange(FFT_SIZE // 2)).unsqueeze(0)
    rising, falling = (mel - left) / step, (left + 2 * step - mel) / step
    # Kaldi's triangles end before the highest bin.
    return F.pad(torch.minimum(rising, falling).clamp(min=0), (0, 1))


def _mel(hertz: Tensor) -> Tensor:
    return 1127.0 * (1 + hertz / 700).log()
