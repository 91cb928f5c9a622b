"""What Weaviate says of its vectors, against real servers on loopback; no answer is unknown, never no."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from bind_operator.cluster.vector_space import collections_of, holds_vectors

REFUSED = "127.0.0.1:1"
OURS = {"class": "Things", "vectorizer": "multi2vec-bind"}
NAMED = {"class": "Named", "vectorConfig": {"all": {"vectorizer": {"multi2vec-bind": {}}}}}
PLAIN = {"class": "Plain", "vectorizer": "none"}


@contextlib.asynccontextmanager
async def answering(answers: dict[str, Any], status: int = 200) -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(answers.get(request.path), status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    yield f"127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    await runner.cleanup()


def graphql(**found: Any) -> dict[str, Any]:
    return {"data": {"Get": found}}


@pytest.mark.parametrize(
    ("classes", "answer", "holds"),
    [
        ([], None, False),
        (None, None, False),
        ([PLAIN], None, False),
        ([OURS, PLAIN], graphql(Things=[]), False),
        ([OURS], graphql(Things=[{"_additional": {"id": "1"}}]), True),
        ([OURS, NAMED], graphql(Things=[], Named=[{}]), True),
        ([OURS], {"data": {"Get": {"Things": None}}, "errors": [{"message": "tenant"}]}, None),
        ([OURS], None, None),
        ([OURS | {"class": "Bad name {"}], graphql(), True),
        ([OURS | {"class": f"C{number}"} for number in range(51)], graphql(), True),
    ],
)
async def test_whether_vectors_are_held(classes: Any, answer: Any, *, holds: bool | None) -> None:
    async with answering({"/v1/schema": {"classes": classes}, "/v1/graphql": answer}) as address:
        assert await holds_vectors(address, 2.0) is holds


async def test_without_an_answer_it_is_unknown() -> None:
    assert await holds_vectors(REFUSED, 2.0) is None
    async with answering({"/v1/schema": {"classes": []}}, 401) as address:
        assert await holds_vectors(address, 2.0) is None


def test_what_is_no_schema_is_unknown() -> None:
    assert collections_of("x") is None
    assert collections_of({"classes": "x"}) is None
