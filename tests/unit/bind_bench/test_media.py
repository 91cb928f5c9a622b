import base64
import io
import json
from pathlib import Path

import pytest
import soundfile  # type: ignore[import-untyped]
from PIL import Image

from bind_bench import media
from bind_inference.modality import Modality
from bind_inference.preprocess.limits import Limits
from bind_inference.preprocess.text import text as tokens

QUICK = [kind for kind in Modality if kind is not Modality.VIDEO]


def test_no_text_has_more_than_16_tokens() -> None:
    lengths = [int((tokens(media.text(number), Limits()) > 0).sum()) for number in (*range(200), 9999)]
    assert max(lengths) <= 16
    assert min(lengths) < 10  # of many lengths, as real ones are


@pytest.mark.parametrize("kind", QUICK)
def test_no_two_items_are_alike(kind: Modality, tmp_path: Path) -> None:
    first, again, other = (media.body(kind, number, tmp_path) for number in (1, 1, 7))
    assert first == again
    assert first != other
    assert len(json.loads(first)[kind.plural]) == 1


def test_pictures_differ_in_their_pixels_not_in_their_bytes_alone() -> None:
    one, other = (Image.open(io.BytesIO(media.image(number))).tobytes() for number in (0, len(media.PHOTOS)))
    assert one != other


def test_sound_is_five_seconds_long(tmp_path: Path) -> None:
    data = base64.b64decode(json.loads(media.body(Modality.AUDIO, 3, tmp_path))["audio"][0])
    samples, rate_hz = soundfile.read(io.BytesIO(data))
    assert samples.shape == (5 * rate_hz,)


def test_a_film_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def film(number: int) -> bytes:
        made.append(number)
        return b"film"

    monkeypatch.setattr(media, "_film", film)
    clips = [media.video(number, tmp_path) for number in (0, media.VIDEOS, 1)]
    assert made == [0, 1]
    assert len(set(clips)) == 3
