"""Fake pods answer here as their containers would: Weaviate at its Service, gate and inference at the pod."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator

import httpx

from integration.apiserver import ADMIN_TOKEN, ApiServer
from integration.instance import GATE_PORT, TINY_META, TINY_VECTORS

ANSWERS = {
    "/v1/meta": {"modules": {"multi2vec-bind": TINY_META}},
    "/meta": TINY_META,
    "/verify": TINY_VECTORS,
}
SERVICES = "/api/v1/services?watch=1&labelSelector=app.kubernetes.io/component=weaviate"
PORTS = (8080, GATE_PORT)


@contextlib.contextmanager
def answering_pods(server: ApiServer, pod_ip: str) -> Iterator[None]:
    """Answer until the block ends. pod_ip: of all fake pods; it and the Services' are of loopback."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    work = asyncio.run_coroutine_threadsafe(_serve(server, pod_ip), loop)
    try:
        yield
    finally:
        work.cancel()
        with contextlib.suppress(BaseException):
            work.result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _serve(server: ApiServer, pod_ip: str) -> None:
    """Listen at the pods' address, and at that of each Service of Weaviate as it comes and goes."""
    listeners: dict[str, asyncio.Server] = {}
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    pods = [await asyncio.start_server(_answer, pod_ip, port) for port in PORTS]
    try:
        async with _client(server.url, headers) as client:
            while True:
                # A watch that ends is begun anew; what it told before is told again.
                with contextlib.suppress(httpx.HTTPError):
                    async with client.stream("GET", SERVICES) as response:
                        async for line in response.aiter_lines():
                            await _follow(json.loads(line), listeners)
                await asyncio.sleep(0.2)
    finally:
        for listener in (*pods, *listeners.values()):
            listener.close()


def _client(url: str, headers: dict[str, str]) -> httpx.AsyncClient:
    # Of loopback, with a certificate of its own; and a watch has no end.
    return httpx.AsyncClient(base_url=url, headers=headers, verify=False, timeout=None)  # noqa: S113, S501


async def _follow(event: dict[str, object], listeners: dict[str, asyncio.Server]) -> None:
    service = event["object"]
    assert isinstance(service, dict)
    address = service.get("spec", {}).get("clusterIP", "None")
    if address == "None":
        return
    if event["type"] == "DELETED":
        if address in listeners:
            listeners.pop(address).close()
    elif address not in listeners:
        with contextlib.suppress(OSError):
            port = service["spec"]["ports"][0]["port"]
            listeners[address] = await asyncio.start_server(_answer, address, port)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, IndexError):
        head = await reader.readuntil(b"\r\n\r\n")
        found = ANSWERS.get(head.split()[1].decode())
        body = json.dumps(found or {}).encode()
        status = "200 OK" if found else "404 Not Found"
        head_lines = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head_lines.encode() + body)
        await writer.drain()
    writer.close()
