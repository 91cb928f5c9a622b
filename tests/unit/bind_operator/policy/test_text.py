"""What stands in conditions and events: one line, no control characters, at most 1 kB."""

import pytest

from bind_operator.policy.text import MAX_BYTES, one_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "plain"),
        ("spec.a: wrong\nspec.b: wrong\n", "spec.a: wrong; spec.b: wrong"),
        ("\x1b[31mred\x1b[0m\x07", "[31mred [0m"),
        ("a\x00b\x85c\u2028d\tend", "a b; c; d end"),
        ("right\u202eleft\ufeff", "right left"),
        ("  wide   space  ", "wide space"),
        ("Grüße 漢字 🎉", "Grüße 漢字 🎉"),
    ],
)
def test_one_line_without_control_characters(text: str, line: str) -> None:
    assert one_line(text) == line


@pytest.mark.parametrize("letter", ["x", "ü", "漢", "🎉"])
def test_a_long_text_is_cut_between_letters(letter: str) -> None:
    line = one_line(letter * 5000)
    assert line.endswith("…")
    assert set(line[:-1]) == {letter}
    assert MAX_BYTES - 8 < len(line.encode()) <= MAX_BYTES == 1000


def test_half_a_surrogate_is_no_error() -> None:
    assert one_line("a\ud800b") == "a b"
