"""Strings that nobody would write, to the layers between a client's string and a decoder."""

import json
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pybase64
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bind_inference.errors import BindError
from bind_inference.items.base64 import decode_base64
from bind_inference.items.bodies import Endpoint, parse_body
from bind_inference.items.data_uri import classify
from bind_inference.modality import Modality
from bind_inference.preprocess import preprocess

MANY = settings(max_examples=200, deadline=None, derandomize=True)
T = TypeVar("T")
ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=200)  # half surrogate pairs too
MOST = 10_000


@given(data=st.binary(min_size=1, max_size=300), width=st.integers(1, 80), url_safe=st.booleans())
@MANY
def test_base64_comes_back_however_it_is_written(data: bytes, width: int, url_safe: bool) -> None:
    text = (pybase64.urlsafe_b64encode if url_safe else pybase64.b64encode)(data).decode()
    wrapped = "\r\n".join(text[start : start + width] for start in range(0, len(text), width))
    for form in (text, text.rstrip("="), wrapped, f" {wrapped}\n", f"data:x/y;base64,{text}"):
        assert decode_base64(form, MOST) == data


def attempt(function: Callable[..., T], *arguments: object) -> T | BindError:
    """Return what `function` returns, or the error that it raises if a client may read that."""
    try:
        return function(*arguments)
    except BindError as error:
        return error


@given(text=ANY_TEXT | st.text("AQ=-_+/ \n,;:data", max_size=60))
@MANY
def test_any_string_is_base64_or_an_error(text: str) -> None:
    for form in (text, f"data:{text}", f"data:image/png;base64,{text}"):
        made = attempt(decode_base64, form, MOST)
        assert made.status in {413, 422} if isinstance(made, BindError) else 0 < len(made) <= MOST


TYPES = st.sampled_from(["image/png", "text/csv", "text/plain", "audio/*", "x/y", "", "IMAGE/JPEG"])
ENCODINGS = st.sampled_from([";base64,", ";modality=depth;base64,", ";modality=;base64,", ",", ";BASE64 ,"])
PAYLOADS = st.sampled_from(["aGVsbG8=", "_w==", "", "/w"])
URI = st.builds("data:{}{}{}".format, TYPES | ANY_TEXT, ENCODINGS | ANY_TEXT, PAYLOADS | ANY_TEXT)


@given(item=URI | ANY_TEXT)
@MANY
def test_any_string_is_classified_or_an_error(item: str) -> None:
    made = attempt(classify, item)
    if isinstance(made, BindError):
        assert made.status in {413, 415, 422}
    else:
        assert made[0] is Modality.TEXT or item.casefold().startswith("data:")


@given(text=ANY_TEXT | st.text("&amp;#x0123<>|startoftext\ud800\u0301é", max_size=200))
@example("&#" + "9" * 5000)
@example("<|endoftext|>" * 100)
@MANY
def test_any_text_is_77_tokens_or_an_error(text: str) -> None:
    row = attempt(preprocess, Modality.TEXT, text)
    if isinstance(row, BindError):
        assert row.status == 422
    else:
        assert row.shape == (77,)
        assert row.dtype == np.int64
        assert row[0] == 49_406
        assert ((row >= 0) & (row < 49_408)).all()


CELLS = ["1", "-0", "1e9", "1e999", "nan", "inf", "", " ", "0x1", "1_0", "\u0661"]
CELL = st.floats().map(str) | st.sampled_from(CELLS)
ROWS = st.lists(st.lists(CELL | ANY_TEXT, min_size=5, max_size=7).map(",".join), max_size=8)


@given(rows=ROWS, newline=st.sampled_from(["\n", "\r\n", "\r", "\x0b", "\u2028", ""]))
@MANY
def test_any_table_is_a_recording_or_an_error(rows: list[str], newline: str) -> None:
    data = newline.join(["head", *rows]).encode("utf-8", "surrogatepass")
    recording = attempt(preprocess, Modality.IMU, data)
    if isinstance(recording, BindError):
        assert recording.status in {413, 422}
    else:
        assert recording.shape == (6, 2000)
        assert np.isfinite(recording).all()


@given(data=st.binary(max_size=300))
@MANY
def test_any_bytes_are_media_or_an_error(data: bytes) -> None:
    for modality in set(Modality) - {Modality.TEXT}:
        made = attempt(preprocess, modality, data)
        assert 400 <= made.status < 500 if isinstance(made, BindError) else np.isfinite(made).all()


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=10,
)
FIELD = st.sampled_from(["texts", "images", "imu", "input", "model", "dimensions", "encoding_format", "user"])


@given(value=VALUE | st.dictionaries(FIELD, VALUE | st.lists(ANY_TEXT, max_size=3), max_size=4))
@MANY
def test_any_json_is_a_body_or_an_error(value: object) -> None:
    raw = json.dumps(value).encode()
    raw_utf8 = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    for kind in Endpoint:
        for body in (raw, raw[:-1], raw_utf8):
            made = attempt(parse_body, kind, body, 100)
            if isinstance(made, BindError):
                assert made.status in {400, 413}
                assert 0 < len(made.message) < 20_000
