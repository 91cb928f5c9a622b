"""Pictures at the edges: long, huge, deep, lying, not pictures at all."""

import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from bind_inference.errors import InvalidItem, MediaTooLarge, UnsupportedMedia
from bind_inference.modality import Modality
from bind_inference.preprocess import Limits, preprocess
from bind_inference.preprocess import image as module
from support.media import picture, png_that_claims


@pytest.mark.parametrize(
    "kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF", "TGA"]
)
def test_every_served_format_gives_about_the_same_picture(kind: str) -> None:
    made = preprocess(Modality.IMAGE, picture(300, 260, kind=kind))
    assert made.shape == (3, 224, 224)
    other = preprocess(Modality.IMAGE, picture(300, 260))
    assert np.abs(made.astype(int) - other.astype(int)).mean() < 7


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_netpbm_as_text_is_the_picture_it_says(mode: str) -> None:
    binary = picture(120, 90, mode=mode, kind="PPM")
    with Image.open(io.BytesIO(binary)) as opened:
        levels = np.asarray(opened).astype(int).ravel()
    kind, head = {"1": (b"P1", b""), "L": (b"P2", b"255"), "RGB": (b"P3", b"255")}[mode]
    numbers = [b"%d" % (1 - level if mode == "1" else level) for level in levels]
    text = kind + b" #size\r120 90#" + b"x" * 1000 + b"\n\n" + head + b"\n"
    text += (
        b"#rows\n " + b" ".join(numbers[:5000]) + b"#100 200\n\r" + b"\n".join(numbers[5000:]) + b"\n# end"
    )
    assert np.array_equal(preprocess(Modality.IMAGE, text), preprocess(Modality.IMAGE, binary))
    with Image.open(io.BytesIO(text)) as opened:  # as the peer reads it
        assert np.array_equal(np.asarray(opened).astype(int).ravel(), levels)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
@pytest.mark.parametrize("modality", [Modality.IMAGE, Modality.DEPTH])
def test_every_mode_is_taken(mode: str, modality: Modality) -> None:
    data = picture(64, 64, mode="L" if mode == "I;16" else mode)
    if mode == "I;16":
        out = io.BytesIO()
        Image.fromarray(np.full((64, 64), 300, dtype=np.uint16)).save(out, "PNG")
        data = out.getvalue()
    assert preprocess(modality, data).shape == (3 if modality is Modality.IMAGE else 1, 224, 224)


def test_sixteen_bits_saturate_as_they_do_at_the_peer() -> None:
    levels = np.array([[0, 100], [255, 40_000]], dtype=np.uint16).repeat(112, 0).repeat(112, 1)
    out = io.BytesIO()
    Image.fromarray(levels).save(out, "PNG")
    made = preprocess(Modality.DEPTH, out.getvalue())
    corners = [int(made[0, y, x]) for y in (0, -1) for x in (0, -1)]
    assert corners == [0, 100, 255, 255]


@pytest.mark.parametrize("size", [(3000, 150), (150, 3000), (60_000, 3), (1, 60_000), (1, 1)])
def test_long_pictures_are_cut_before_they_are_scaled(size: tuple[int, int]) -> None:
    data = picture(*size)
    tracemalloc.start()
    made = preprocess(Modality.IMAGE, data)
    assert made.shape == (3, 224, 224)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("size", [(2000, 250), (250, 2000), (1111, 97), (640, 480)])
def test_cutting_first_gives_the_pixels_of_scaling_first(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PNG")
    scaled_first = preprocess(Modality.IMAGE, out.getvalue())
    monkeypatch.setattr(module, "RESIZE_WHOLE_UP_TO", 0)
    cut_first = preprocess(Modality.IMAGE, out.getvalue())
    steps = np.abs(cut_first.astype(int) - scaled_first.astype(int))
    assert int(steps.max()) <= 1
    assert float((steps > 0).mean()) < 0.001


def test_a_picture_above_the_limit_is_refused_with_both_figures() -> None:
    with pytest.raises(MediaTooLarge, match="300 x 200 pixels; at most 1000 are taken"):
        preprocess(Modality.IMAGE, picture(300, 200), Limits(max_image_pixels=1000))


def test_a_header_that_claims_too_much_costs_nothing() -> None:
    with pytest.raises(MediaTooLarge, match="3600000000 pixels; at most 64000000"):
        preprocess(Modality.IMAGE, png_that_claims(60_000, 60_000))


@pytest.mark.parametrize("modality", [Modality.IMAGE, Modality.THERMAL, Modality.DEPTH])
def test_what_is_no_picture_is_refused_by_name(modality: Modality) -> None:
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n"
    for data in (b"not a picture", postscript, b"%PDF-1.7", b"<svg/>"):
        with pytest.raises(UnsupportedMedia, match="not a picture of a format that is served"):
            preprocess(modality, data)
    with pytest.raises(InvalidItem, match="empty"):
        preprocess(modality, b"")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_a_truncated_picture_is_refused(kind: str) -> None:
    data = picture(300, 300, kind=kind)
    with pytest.raises((InvalidItem, UnsupportedMedia)):
        preprocess(Modality.IMAGE, data[: len(data) * 2 // 3])


def test_the_same_bytes_give_the_same_numbers() -> None:
    data = picture(333, 222, kind="JPEG")
    assert np.array_equal(preprocess(Modality.IMAGE, data), preprocess(Modality.IMAGE, data))
