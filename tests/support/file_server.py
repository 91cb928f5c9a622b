"""A real HTTP server on loopback that serves one file, well or in one of the ways that go wrong."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from support.http_server import listening


@dataclass
class FileServer:
    """The file that is served, and how. requests: the Range header of each request, or None."""

    content: bytes
    ranges: bool = True
    hang_up_after: list[int] = field(default_factory=list)  # bytes, for the first requests
    statuses: list[int] = field(default_factory=list)  # answered instead, for the first requests
    claim: int | None = None  # a Content-Length other than the true one
    requests: list[str | None] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving(server: FileServer) -> Iterator[FileServer]:
    """Serve until the block ends; `server.url` is the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            server.requests.append(wanted)
            if server.statuses:
                self.send_response(server.statuses.pop(0))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and server.ranges else 0  # type: ignore[index]
            total = len(server.content)
            if start and start >= total:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{total}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = server.content[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            self.send_header("Content-Length", str(len(body) if server.claim is None else server.claim))
            self.end_headers()
            if server.hang_up_after:
                body = body[: server.hang_up_after.pop(0)]
                self.close_connection = True
            self.wfile.write(body)

    with listening(Handler) as url:
        server.url = f"{url}/weights.pth"
        yield server
