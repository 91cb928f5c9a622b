"""The shape of an error depends on who asks."""

import pytest

from bind_inference.errors import BindError, Draining, InvalidItem, InvalidRequest, QueueFull
from bind_inference.items.openai_errors import error_content


@pytest.mark.parametrize("path", ["/vectorize", "/", "/v1", "/v10/embeddings"])
def test_elsewhere_an_error_is_one_string(path: str) -> None:
    assert error_content(path, 422, "broken", InvalidItem("broken")) == {"error": "broken"}


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (InvalidRequest("broken"), "invalid_request_error", "invalid_request"),
        (InvalidItem("broken"), "invalid_request_error", "invalid_item"),
        (QueueFull("broken"), "rate_limit_error", "queue_full"),
        (Draining("broken"), "server_error", "draining"),
    ],
)
def test_below_v1_it_is_openais(error: BindError, kind: str, code: str) -> None:
    content = error_content("/v1/embeddings", error.status, error.message, error)
    assert content == {"error": {"message": "broken", "type": kind, "param": None, "code": code}}


def test_the_item_is_the_param() -> None:
    error = InvalidItem("not a decodable image").named("input[2]")
    detail = error_content("/v1/embeddings", error.status, error.message, error)["error"]
    assert detail["param"] == "input[2]"
    assert detail["message"] == "input[2]: not a decodable image"


def test_an_error_of_http_itself_has_its_name_as_code() -> None:
    assert error_content("/v1/nothing", 404, "broken")["error"]["code"] == "not_found"
