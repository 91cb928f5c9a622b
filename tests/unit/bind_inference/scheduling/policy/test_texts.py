"""Which texts the event loop tokenizes itself: not those that would hold it up."""

import pytest

from bind_inference.scheduling.policy.texts import is_quick

QUICK = {
    "a word": "dog",
    "200 of anything": "&amp;\n\u0130" * 25,
    "a page of English": "The dog runs over the grass. " * 68,
    "a page with line breaks": "The dog runs over the grass.\n" * 20,
    "an ampersand": "black & white; " * 16 + "x" * 1000,
    "German": "für größere Hunde " * 33,
    "Chinese": "狗在草地上跑" * 100,
}
SLOW = {
    "entities in entities": "&" + "amp;" * 499,
    "entities in numbers": "&" + "#38;" * 100,
    "lines": "\r\n" * 1000,
    "lines that look wrong": "é\n" * 400,
    "what looks wrong": "Ã©â€œ" * 250,
    "too long": "a" * 2001,
}


@pytest.mark.parametrize("name", QUICK)
def test_what_people_write_is_quick(name: str) -> None:
    assert is_quick(QUICK[name])


@pytest.mark.parametrize("name", SLOW)
def test_what_is_made_to_be_slow_is_not(name: str) -> None:
    assert not is_quick(SLOW[name])
