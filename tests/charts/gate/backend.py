"""An inference server to be killed: `python backend.py HOST PORT [META_DELAY_S [DELAY_S]]`.

It does what the body of POST /vectorize says: `{"status": 422, "body": "…"}` is answered so, `{"die": true}`
kills the process, `{"delay_s": 1}` waits first, where the body says nothing DELAY_S. Else it gives the body's
length as vector, and the beginning of what was sent.
"""

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MOST_SENT = 1000
"""So many bytes: an answer goes out at once, and no server dies in the middle of one."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    meta_delay_s = 0.0
    delay_s = 0.0

    def do_GET(self) -> None:
        time.sleep(self.meta_delay_s)
        self._send(200, json.dumps({"model": "fake"}))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        wish = json.loads(raw)
        time.sleep(wish.get("delay_s", self.delay_s))
        if wish.get("die"):
            os.kill(os.getpid(), signal.SIGKILL)
        vectors = {
            "textVectors": [[len(raw)]],
            "server": self.server.server_address[0],
            "sent": raw[:MOST_SENT].decode(),
        }
        self._send(wish.get("status", 200), wish.get("body", json.dumps(vectors)))

    def _send(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    host, port, *rest = sys.argv[1:]
    Handler.meta_delay_s, Handler.delay_s = (float(item) for item in [*rest, "0", "0"][:2])
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
