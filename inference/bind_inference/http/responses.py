"""How every JSON answer is written, good or bad."""

from collections.abc import Mapping

import orjson
from fastapi import Response


def json_answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return `content` as JSON; arrays of numpy are taken as lists."""
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, headers, "application/json")
