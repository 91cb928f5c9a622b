import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
from PIL import Image

from bind_bench.workload import media
from bind_inference.modality import Modality
from bind_inference.preprocess import preprocess
from bind_inference.preprocess.limits import Limits
from bind_inference.preprocess.text import text as tokens

QUICK = [kind for kind in Modality if kind is not Modality.VIDEO]


def test_no_text_has_more_than_16_tokens() -> None:
    lengths = [int((tokens(media.text(number), Limits()) > 0).sum()) for number in (*range(200), 9999)]
    assert max(lengths) <= 16
    assert min(lengths) < 10  # of many lengths, as real ones are


@pytest.mark.parametrize("kind", QUICK)
def test_no_two_items_are_alike(kind: Modality, tmp_path: Path) -> None:
    first, again, *others = (
        media.request_body(kind, number, tmp_path)
        for number in (1, 1, 7, 1 + media.VARIANTS, 1 + 300 * media.VARIANTS)
    )
    assert first == again
    assert len({first, *others}) == 4
    assert len(json.loads(first)[kind.plural]) == 1


@pytest.mark.parametrize("kind", QUICK)
def test_a_numbered_item_is_as_good_as_the_one_it_is_made_from(kind: Modality, tmp_path: Path) -> None:
    made, numbered = (
        preprocess(kind, item if kind is Modality.TEXT else base64.b64decode(item), Limits())
        for number in (5, 5 + media.VARIANTS)
        for item in json.loads(media.request_body(kind, number, tmp_path))[kind.plural]
    )
    assert made.shape == numbered.shape
    if kind is not Modality.TEXT:
        np.testing.assert_allclose(made, numbered, atol=1e-2)


def test_nothing_is_made_while_the_clock_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    media.prepare(Modality.IMAGE, tmp_path)
    media.prepare(Modality.AUDIO, tmp_path)
    monkeypatch.setattr(Image.Image, "save", None)
    monkeypatch.setattr(soundfile, "write", None)
    assert media.request_body(Modality.IMAGE, 1_000_000, tmp_path)
    assert media.request_body(Modality.AUDIO, 1_000_000, tmp_path)


def test_pictures_differ_in_their_pixels_not_in_their_bytes_alone() -> None:
    one, other = (Image.open(io.BytesIO(media.image(number))).tobytes() for number in (0, len(media.PHOTOS)))
    assert one != other


def test_sound_is_five_seconds_long(tmp_path: Path) -> None:
    data = base64.b64decode(json.loads(media.request_body(Modality.AUDIO, 3, tmp_path))["audio"][0])
    samples, rate_hz = soundfile.read(io.BytesIO(data))
    assert samples.shape == (5 * rate_hz,)


def test_a_video_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def make(number: int) -> bytes:
        made.append(number)
        return b"video"

    monkeypatch.setattr(media, "_make_video", make)
    clips = [media.video(number, tmp_path) for number in (0, media.VIDEOS, 1)]
    assert made == [0, 1]
    assert len(set(clips)) == 3
