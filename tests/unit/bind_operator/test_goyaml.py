"""YAML becomes what kubectl makes of it; tests/integration asks the real API server about the same forms."""

from typing import Any

import pytest

from bind_operator.goyaml import Document, Unreadable, read_documents


def only(text: str) -> Document:
    (document,) = read_documents(text)
    return document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("y", True),
        ("off", False),
        ("1:30", "1:30"),
        ("2026-11-27", "2026-11-27"),
        ("010", 8),
        ("0b11", 3),
        ("0x1F", 31),
        ("1_000", 1000),
        ("1e1", 10),
        ("1.0", 1),
        ("1.5", 1.5),
        ("1e400", "1e400"),
        ("[~]", [None]),
        ("'1'", "1"),
        ("! 1", "1"),
        ("!own 1", "1"),
        ("!!binary aGk=", "hi"),
        ("!!str 1", "1"),
        ("!!float 1", 1),
        ("[a, {b: c}]", ["a", {"b": "c"}]),
        ('{"a": 1.5}', {"a": 1.5}),
    ],
)
def test_a_value_is_as_in_kubectl(text: str, value: Any) -> None:
    data = only(text).data
    assert data == value
    assert type(data) is type(value)


def test_keys_become_texts() -> None:
    assert only("{1: a, yes: b, 1.5: c}").data == {"1": "a", "true": "b", "1.5": "c"}


def test_merged_maps_give_way_to_the_own_keys_and_to_those_before() -> None:
    text = "a: &a {x: 1, y1: 1}\nb: &b {x: 2, z: 2}\nc: {<<: [*a, *b], z: 3}\n"
    assert only(text).data["c"] == {"x": 1, "y1": 1, "z": 3}


def test_each_value_knows_its_line() -> None:
    document = only("# begins\na:\n  - b: 1\n    c: 2\n")
    assert document.line == 2
    assert [document.line_of(path) for path in [("a",), ("a", 0, "c"), ("a", 0, "missing"), ("d",)]] == [
        2,
        4,
        3,
        2,
    ]


def test_a_key_that_stands_twice_is_told_with_its_second_line() -> None:
    document = only("a:\n  b: 1\n  c: 2\n  b: 3\n")
    assert document.doubled == ((("a", "b"), 4),)
    assert document.data == {"a": {"b": 3, "c": 2}}


def test_empty_documents_are_left_out() -> None:
    assert [one.data for one in read_documents("---\n# nothing\n---\na: 1\n---\n---\nb: 2\n")] == [
        {"a": 1},
        {"b": 2},
    ]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: [1\nb: 2\n", 2, "is not YAML"),
        ("a: 1\nb: *c\n", 2, "undefined alias"),
        ("a: &x\n  b: *x\n", 1, "holds itself"),
        ("a: 1\nb: .nan\n", 2, "JSON has no .nan"),
        ("a: 1\nb: !!binary x\n", 2, "no base64"),
        ("a: 1\n? [b]\n: 2\n", 2, "a key must be"),
        ("a: 1\n<<: 2\n", 2, "must name a map"),
        ("a: !!int x\n", 1, "is no int"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(Unreadable, match=said) as caught:
        list(read_documents(text))
    assert caught.value.line == line


def test_aliases_of_aliases_do_not_fill_the_memory() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(Unreadable, match="more than"):
        list(read_documents("\n".join(lines)))
