"""Answers of an API server, turned into ours. A real server on loopback plays it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml
from aiohttp import web

from bind_operator.cluster.client import KubeClient
from bind_operator.errors import ApiConflict, ApiRefused, ApiUnavailable, OperatorError


def kubeconfig(folder: Path, port: int) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "t", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "t", "user": {"token": "secret-token"}}],
        "contexts": [{"name": "t", "context": {"cluster": "t", "user": "t"}}],
        "current-context": "t",
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


@contextlib.asynccontextmanager
async def client_of(
    folder: Path, status: int, body: Any
) -> AsyncIterator[tuple[KubeClient, list[web.Request]]]:
    requests: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        requests.append(request)
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    client = await KubeClient.connect(kubeconfig(folder, runner.addresses[0][1]))
    yield client, requests
    await client.close()
    await runner.cleanup()


class _Refusing(ThreadPoolExecutor):
    """Runs nothing."""

    def submit(self, *_: object, **__: object) -> NoReturn:
        raise AssertionError("a thread was asked for")


async def test_read_sends_the_token(tmp_path: Path) -> None:
    async with client_of(tmp_path, 200, {"kind": "Pod"}) as (client, requests):
        assert await client.read("/api/v1/x") == {"kind": "Pod"}
    assert requests[0].headers["Authorization"] == "Bearer secret-token"


async def test_a_request_takes_no_thread(tmp_path: Path) -> None:
    async with client_of(tmp_path, 200, {}) as (client, _):
        # aiohttp looks for a proxy and a password in threads of this pool.
        asyncio.get_running_loop().set_default_executor(_Refusing())
        assert await client.read("/api/v1/x") == {}


async def test_the_proxy_is_that_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with client_of(tmp_path, 200, {"kind": "Pod"}) as (client, requests):
        proxy = client._api.configuration.host
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,none.invalid")
        for host, is_reached in (("api.invalid", True), ("none.invalid", False)):
            path = kubeconfig(tmp_path, 80)
            path.write_text(path.read_text(encoding="utf-8").replace("127.0.0.1", host), encoding="utf-8")
            other = await KubeClient.connect(path)
            with contextlib.suppress(ApiUnavailable):
                assert await other.read("/api/v1/x") == {"kind": "Pod"}
            assert (await other.credentials()).proxy == (proxy if is_reached else None)
            await other.close()
            assert [request.host for request in requests] == ["api.invalid"] * is_reached
            requests.clear()


async def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    async with client_of(tmp_path, 404, {"message": "not found"}) as (client, _):
        assert await client.read("/api/v1/x") is None
        assert await client.items("/api/v1/x") == []
        await client.delete("/api/v1/x")


async def test_items_asks_for_metadata_and_selects(tmp_path: Path) -> None:
    async with client_of(tmp_path, 200, {"items": None}) as (client, requests):
        assert await client.items("/api/v1/secrets", labels="a=b,c=d", metadata_only=True) == []
    assert requests[0].query["labelSelector"] == "a=b,c=d"
    assert "PartialObjectMetadataList" in requests[0].headers["Accept"]


async def test_patch_is_a_merge_patch(tmp_path: Path) -> None:
    async with client_of(tmp_path, 200, {}) as (client, requests):
        await client.patch("/api/v1/x", {"a": None})
    assert requests[0].content_type == "application/merge-patch+json"


@pytest.mark.parametrize(
    ("status", "error"),
    [(409, ApiConflict), (429, ApiUnavailable), (503, ApiUnavailable), (403, ApiRefused), (422, ApiRefused)],
)
async def test_errors(tmp_path: Path, status: int, error: type[OperatorError]) -> None:
    async with client_of(tmp_path, status, {"message": "because"}) as (client, _):
        with pytest.raises(error, match="because"):
            await client.read("/api/v1/x")


async def test_no_server_is_unavailable(tmp_path: Path) -> None:
    client = await KubeClient.connect(kubeconfig(tmp_path, 1))
    with pytest.raises(ApiUnavailable, match="does not answer"):
        await client.read("/api/v1/x")
    await client.close()


async def test_no_credentials_say_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ApiRefused, match="set kubeconfig or KUBECONFIG"):
        await KubeClient.connect(tmp_path / "nowhere")


@pytest.mark.parametrize(("dry_run", "more"), [(False, {}), (True, {"dryRun": "All"})])
async def test_what_is_applied_is_helms_and_wins(tmp_path: Path, dry_run: bool, more: dict[str, str]) -> None:
    async with client_of(tmp_path, 200, {"kind": "Service"}) as (client, requests):
        assert await client.apply("/api/v1/x", {"a": 1}, dry_run=dry_run) == {"kind": "Service"}
        assert requests[0].method == "PATCH"
        assert requests[0].headers["Content-Type"] == "application/apply-patch+yaml"
        assert dict(requests[0].query) == {"fieldManager": "helm", "force": "true", **more}


async def test_a_patch_of_operations_is_helms_too(tmp_path: Path) -> None:
    async with client_of(tmp_path, 200, {}) as (client, requests):
        await client.edit("/api/v1/x", [{"op": "remove", "path": "/a"}])
        assert requests[0].headers["Content-Type"] == "application/json-patch+json"
        assert dict(requests[0].query) == {"fieldManager": "helm"}
