"""The forms that an element of `input` may have."""

import pytest

from bind_inference.errors import BindError, UnsupportedMedia
from bind_inference.items.openai_inputs import Url, classify_input
from bind_inference.modality import Modality

URI = "data:image/png;base64,iVBORw0"


@pytest.mark.parametrize(
    ("given", "modality", "data"),
    [
        ("a dog", Modality.TEXT, "a dog"),
        (URI, Modality.IMAGE, "iVBORw0"),
        ({"text": "a dog"}, Modality.TEXT, "a dog"),
        ({"text": URI}, Modality.TEXT, URI),
        ({"type": "text", "text": "a dog"}, Modality.TEXT, "a dog"),
        ({"image": "iVBORw0"}, Modality.IMAGE, "iVBORw0"),
        ({"image": URI}, Modality.IMAGE, URI),
        ({"depth": URI}, Modality.DEPTH, URI),
        ({"imu": "YSxi"}, Modality.IMU, "YSxi"),
        ({"type": "image_url", "image_url": {"url": URI}}, Modality.IMAGE, "iVBORw0"),
        ({"type": "image_url", "image_url": {"url": URI, "detail": "low"}}, Modality.IMAGE, "iVBORw0"),
        ({"image_url": URI}, Modality.IMAGE, "iVBORw0"),
        ({"type": "video_url", "video_url": {"url": "DATA:video/mp4;base64,AA"}}, Modality.VIDEO, "AA"),
        ("https://x/y.png", Modality.TEXT, "https://x/y.png"),
        ({"text": "https://x/y.png"}, Modality.TEXT, "https://x/y.png"),
        ({"image": "https://x/y.png"}, Modality.IMAGE, Url("https://x/y.png")),
        ({"type": "image_url", "image_url": {"url": "HTTP://x/"}}, Modality.IMAGE, Url("HTTP://x/")),
        ({"audio_url": "https://x/y"}, Modality.AUDIO, Url("https://x/y")),
    ],
)
def test_an_item_is_what_its_form_says(
    given: str | dict[str, object], modality: Modality, data: str | Url
) -> None:
    assert classify_input(given) == (modality, data)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, 'an object holds one item: {"text": …}, the same with image, audio'),
        ({"type": "text"}, "an object holds one item"),
        ({"text": "a", "image": "b"}, "an object holds one item"),
        ({"smell": "a"}, "'smell' is no kind of item"),
        ({"images": "a"}, "'images' is no kind of item"),
        ({"image": 5}, "image: must be a string"),
        ({"image": {"url": URI}}, "image: must be a string"),
        ({"image_url": {"href": URI}}, "image_url: must hold a string, url"),
        ({"image_url": {"url": "iVBORw0"}}, "image_url: must be a data: URI"),
        ({"image_url": {"url": "file:///etc/passwd"}}, "image_url: must be a data: URI"),
        ({"file_url": {"url": "https://x/y.png"}}, "'file_url' is no kind of medium"),
        ({"text_url": {"url": "https://x/y.txt"}}, "'text_url' is no kind of medium"),
        ({"image_url": {"url": "data:image/png,abc"}}, "a data: URI must be base64"),
    ],
)
def test_what_has_no_form_is_told_those_that_there_are(given: dict[str, object], message: str) -> None:
    with pytest.raises(BindError) as caught:
        classify_input(given)
    assert caught.value.message.startswith(message)
    of_the_item = "a data: URI" in message
    assert caught.value.status == (422 if of_the_item else 400)


def test_a_type_that_is_not_served_is_told_so() -> None:
    with pytest.raises(UnsupportedMedia):
        classify_input({"image_url": {"url": "data:application/pdf;base64,AA"}})
