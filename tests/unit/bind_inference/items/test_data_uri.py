"""What a string of /v1/embeddings is."""

import base64

import pytest

from bind_inference.errors import BindError, InvalidItem, MediaTooLarge, UnsupportedMedia
from bind_inference.items.data_uri import MAX_TEXT_BYTES, classify
from bind_inference.modality import Modality


@pytest.mark.parametrize(
    "text",
    ["a dog", "", "data", "data:", "data: the new oil", "data:5, more", "x data:image/png;base64,AA=="],
)
def test_a_string_that_names_no_type_is_a_text(text: str) -> None:
    assert classify(text) == (Modality.TEXT, text)


@pytest.mark.parametrize(
    ("header", "modality"),
    [
        ("data:image/png;base64,", Modality.IMAGE),
        ("DATA:Image/JPEG;BASE64,", Modality.IMAGE),
        ("data:audio/x-wav;codecs=1;base64,", Modality.AUDIO),
        ("data:video/mp4;base64,", Modality.VIDEO),
        ("data:text/csv;charset=utf-8;base64,", Modality.IMU),
        ("data:image/png;modality=thermal;base64,", Modality.THERMAL),
        ('data:image/png;modality="depth";base64,', Modality.DEPTH),
        ("data:application/octet-stream; modality=IMU ;base64,", Modality.IMU),
        ("data:video/mp4;modality=audio;base64,", Modality.AUDIO),
    ],
)
def test_the_type_and_its_parameter_tell_the_modality(header: str, modality: Modality) -> None:
    assert classify(f"{header}QUJD") == (modality, "QUJD")


def test_a_text_may_come_as_a_uri_too() -> None:
    coded = base64.b64encode("schöner Hund".encode()).decode()
    assert classify(f"data:text/plain;charset=utf-8;base64,{coded}") == (Modality.TEXT, "schöner Hund")


@pytest.mark.parametrize(
    ("item", "kind", "message"),
    [
        ("data:image/png,abc", InvalidItem, "must be base64"),
        ("data:image/png;base64", InvalidItem, "must be base64"),
        ("data:image/png;base64;x,QUJD", InvalidItem, "must be base64"),
        ("data:image/png;" + "x" * 300 + ";base64,QUJD", InvalidItem, "must be base64"),
        (
            "data:application/pdf;base64,QUJD",
            UnsupportedMedia,
            "a data: URI of application/pdf is not served",
        ),
        ("data:image/png;modality=smell;base64,QUJD", InvalidItem, "modality: must be one of text, image"),
        ("data:text/plain;base64,gICA", InvalidItem, "is not a text in UTF-8"),
        ("data:text/plain;base64," + "QUJD" * MAX_TEXT_BYTES, MediaTooLarge, "above the limit of 400,000"),
    ],
)
def test_what_cannot_be_is_refused(item: str, kind: type[BindError], message: str) -> None:
    with pytest.raises(kind, match=message):
        classify(item)
