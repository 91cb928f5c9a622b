"""Writes every JSON response, good or bad."""

from collections.abc import Mapping

import orjson
from fastapi import Response


def json_response(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return `content` as JSON; arrays of numpy are taken as lists."""
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, headers, "application/json")
