"""Writes an error as OpenAI's clients read it. Pure.

They put any body into the exception's text, but fill its `param`, `code` and `type` from this shape only.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bind_inference.errors import BindError

PREFIX = "/v1/"


def error_content(path: str, status: int, message: str, error: BindError | None = None) -> dict[str, Any]:
    """Return the body of an error on `path`: {"error": message}, below /v1/ in OpenAI's shape.

    error: its class gives the code (`queue_full`) and its item the param; None if HTTP itself has failed.
    """
    if not path.startswith(PREFIX):
        return {"error": message}
    code = error_code(error) if error else HTTPStatus(status).name.casefold()
    return openai_error(status, message, code=code, param=error.item if error else None)


def openai_error(status: int, message: str, *, code: str, param: str | None = None) -> dict[str, Any]:
    """Return {"error": {…}} with the type that OpenAI gives `status`."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        kind = "rate_limit_error"
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        kind = "server_error"
    else:
        kind = "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def input_error(index: int, error: BindError) -> dict[str, Any]:
    """Return what a lenient answer says of an input that has no vector."""
    name = f"input[{index}]"
    message = error.message.removeprefix(f"{name}: ")
    detail = openai_error(error.status, message, code=error_code(error), param=name)["error"]
    return {"index": index, "status": error.status, **detail}


def error_code(error: BindError) -> str:
    """Return the word for programs that stands for the kind of `error`: `invalid_item`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()
