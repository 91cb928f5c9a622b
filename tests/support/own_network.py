"""Runs a server that may fetch, beside a server of files with a public address, in a network of their own.

`python -m support.own_network FOLDER WORKERS`, as root in a new network namespace: prints what came of each
request as JSON. Nothing of it can reach, or be reached from, anywhere else.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import httpx

from support.http_server import listening
from support.media import picture
from support.server import server

PUBLIC = "11.22.33.44"
PRIVATE = "10.0.0.7"


class Pictures(BaseHTTPRequestHandler):
    """Every path is a picture; /to/… redirects."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path[4:])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = picture(300, 280)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def make_network() -> None:
    """Bring loopback up, with the addresses."""
    for command in ("link set lo up", f"addr add {PUBLIC}/32 dev lo", f"addr add {PRIVATE}/32 dev lo"):
        subprocess.run(["ip", *command.split()], check=True)


def main(folder: Path, workers: str) -> None:
    make_network()
    secret = type("Secret", (Pictures,), {"asked": []})
    with listening(Pictures, PUBLIC) as public, listening(secret, PRIVATE) as private:
        allowed = ("--allow-urls", f"{public},{private}")
        with server(folder, "--http-workers", workers, *allowed) as process:
            inline = base64.b64encode(picture(300, 280)).decode()
            requests: dict[str, list[object]] = {
                "fetched": [
                    {"image": inline},
                    {"image": f"{public}/a"},
                    {"image_url": {"url": f"{public}/b"}},
                ],
                "in a large body": [{"image": inline}, {"image": f"{public}/a"}],
                "private": [{"image": f"{private}/a"}],
                "redirected": [{"image": f"{public}/to/{private}/a"}],
            }
            found = {}
            for name, given in requests.items():
                body = {"input": given, "user": "x" * (2 << 20) if "large" in name else "x"}
                answer = httpx.post(f"{process.url}/v1/embeddings", json=body, timeout=60)
                found[name] = [answer.status_code, answer.json()]
    print(json.dumps({"answers": found, "secret": len(secret.asked)}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
