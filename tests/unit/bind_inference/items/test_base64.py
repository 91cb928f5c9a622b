"""Base64 as clients really send it."""

import base64
import textwrap

import pytest

from bind_inference.errors import InvalidItem, MediaTooLarge
from bind_inference.items.base64 import decode_base64

DATA = bytes(range(256)) * 3 + b"\xfb\xff"
PLAIN = base64.b64encode(DATA).decode()


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        "\n".join(textwrap.wrap(PLAIN, 76)) + "\n",
        "\r\n".join(textwrap.wrap(PLAIN, 64)),
        f" {PLAIN}\t",
        PLAIN.rstrip("="),
        base64.urlsafe_b64encode(DATA).decode(),
        base64.urlsafe_b64encode(DATA).decode().rstrip("="),
        f"data:image/png;base64,{PLAIN}",
        f"data:audio/ogg;codecs=opus;base64,{PLAIN}",
        f"data:;base64,{PLAIN}",
    ],
)
def test_every_usual_spelling_is_understood(text: str) -> None:
    assert decode_base64(text, 10_000) == DATA


@pytest.mark.parametrize(
    "text", ["a", "!!!!", "abc!", "YWJj ?", "é" * 8, "=", "YQ==YQ==", "\0\0\0\0", "data:image/png"]
)
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(InvalidItem):
        decode_base64(text, 10_000)


@pytest.mark.parametrize("text", ["", "data:image/png;base64,", "\n"])
def test_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidItem, match="empty"):
        decode_base64(text, 10_000)


def test_a_data_uri_that_is_not_base64_says_so() -> None:
    with pytest.raises(InvalidItem, match="must be base64"):
        decode_base64("data:text/plain,hello", 10_000)


def test_the_limit_is_exact_and_gives_both_figures() -> None:
    assert len(decode_base64(PLAIN, len(DATA))) == len(DATA)
    with pytest.raises(MediaTooLarge, match=r"770 bytes are above the limit of 769"):
        decode_base64(PLAIN, len(DATA) - 1)


def test_wrapping_does_not_count_against_the_limit() -> None:
    assert decode_base64("\n".join(PLAIN), len(DATA)) == DATA
