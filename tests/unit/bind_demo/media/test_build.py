import io

import av
import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
from PIL import Image

from bind_demo.media.build import build_altered, build_media
from bind_demo.media.recordings import IMU_COLUMNS
from bind_demo.media.things import THINGS, Thing
from bind_demo.modality import MEDIA, Modality

CAT = next(thing for thing in THINGS if thing.slug == "cat")
MOTORCYCLE = next(thing for thing in THINGS if thing.slug == "motorcycle")


@pytest.fixture(scope="module")
def original() -> dict[Modality, bytes]:
    return dict(build_media(CAT))


def test_each_medium_is_there(original: dict[Modality, bytes]) -> None:
    assert set(original) == set(MEDIA)
    assert set(build_altered(CAT)) == set(MEDIA)


def test_the_same_bytes_are_made_again_in_one_process() -> None:
    # All of them, twice: an encoder that kept state showed it only after several videos.
    first = {thing.slug: build_media(thing) for thing in THINGS}
    again = {thing.slug: build_media(thing) for thing in THINGS}
    assert {(slug, m) for slug in first for m in MEDIA if first[slug][m] != again[slug][m]} == set()


def test_an_altered_copy_is_never_the_same_file(original: dict[Modality, bytes]) -> None:
    altered = build_altered(CAT)
    assert {m for m in MEDIA if altered[m] == original[m]} == set()


def test_reworded_texts_differ_from_the_imported_ones() -> None:
    assert all(thing.text != thing.reworded for thing in THINGS)


def test_two_things_share_no_medium(original: dict[Modality, bytes]) -> None:
    other = build_media(MOTORCYCLE)
    assert {m for m in MEDIA if other[m] == original[m]} == set()


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.slug)
def test_depth_and_thermal_are_grey_pictures_with_contrast(thing: Thing) -> None:
    media = build_media(thing)
    for modality in (Modality.DEPTH, Modality.THERMAL):
        with Image.open(io.BytesIO(media[modality])) as picture:
            assert picture.mode == "L"
            assert np.asarray(picture).std() > 5


def test_the_sentence_is_spoken_for_longer_than_one_clip(original: dict[Modality, bytes]) -> None:
    samples, rate_hz = soundfile.read(io.BytesIO(original[Modality.AUDIO]))
    assert samples.size / rate_hz > 2
    assert np.abs(samples).max() > 0.1


def test_the_video_moves(original: dict[Modality, bytes]) -> None:
    with av.open(io.BytesIO(original[Modality.VIDEO]), "r") as video:
        frames = [frame.to_ndarray(format="gray") for frame in video.decode(video=0)]
    assert len(frames) == 40
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() > 5


def test_the_motion_has_a_header_and_2000_rows_of_six_numbers(original: dict[Modality, bytes]) -> None:
    header, *rows = original[Modality.IMU].decode().splitlines()
    assert header.split(",") == list(IMU_COLUMNS)
    assert np.array([[float(cell) for cell in row.split(",")] for row in rows]).shape == (2000, 6)
