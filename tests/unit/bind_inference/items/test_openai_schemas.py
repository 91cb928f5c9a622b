"""What is said about a body that /v1/embeddings does not take."""

import json

import pytest

from bind_inference.errors import InvalidRequest
from bind_inference.items.openai_schemas import EmbeddingsRequest
from bind_inference.items.schemas import validate_body


@pytest.mark.parametrize("given", ["a", ["a"]])
def test_input_is_a_text_or_a_list(given: object) -> None:
    assert validate_body(EmbeddingsRequest, json.dumps({"input": given}).encode(), 100).input == ["a"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "input: is required"),
        ({"input": 5}, "input: must be a string or a list of strings"),
        ({"input": ["a", None]}, "input[1]: must be a string"),
        ({"input": [[1, 2]]}, "input: token ids are not taken"),
        ({"input": [1, 2]}, "input: token ids are not taken"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format: must be 'float' or 'base64'"),
        ({"input": "a", "dimensions": "many"}, "dimensions: must be a whole number"),
        ({"input": "a", "normalize": "no"}, "normalize: must be true or false"),
    ],
)
def test_a_wrong_body_is_refused_by_name(body: object, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        validate_body(EmbeddingsRequest, json.dumps(body).encode(), 100)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    "more",
    [
        {"encoding_format": None, "dimensions": None, "user": None, "model": None, "normalize": None},
        {"input_type": "query", "truncate": "END", "user": 5, "metadata": {}},
    ],
)
def test_what_is_null_or_of_another_service_is_no_fault(more: dict[str, object]) -> None:
    body = json.dumps({"input": "a"} | more).encode()
    found = validate_body(EmbeddingsRequest, body, 100)
    assert (found.input, found.encoding_format, found.dimensions) == (["a"], None, None)


def test_input_may_be_objects_beside_strings() -> None:
    given = [{"image": "AA"}, "a", {"type": "text", "text": "b"}]
    for body in (given, given[0]):
        found = validate_body(EmbeddingsRequest, json.dumps({"input": body}).encode(), 100)
        assert found.input == (body if isinstance(body, list) else [body])
