"""An inference server to be killed: `python backend.py HOST PORT [META_DELAY_S [DELAY_S [WORKERS]]]`.

It does what the body of POST /vectorize says: `{"status": 422, "body": "…"}` is answered so, `{"die": true}`
kills the process, `{"die_at_first": true}` does so unless the gate says that it killed one already, and
`{"delay_s": 1}` waits first, where the body says nothing DELAY_S. Else it gives the body's length as vector,
the beginning of what was sent, and the credentials that came with it.
With WORKERS it reads and works on so many at once.
"""

import json
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MOST_SENT = 1000
"""So many bytes: an answer goes out at once, and no server dies in the middle of one."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    meta_delay_s = 0.0
    delay_s = 0.0
    workers = threading.Semaphore(1000)

    def do_GET(self) -> None:
        time.sleep(self.meta_delay_s)
        named = {"gate": self.headers["X-Gate-Name"]} if self.headers["X-Gate-Name"] else {}
        self._send(200, json.dumps({"model": "fake"} | named))

    def do_POST(self) -> None:
        with self.workers:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            wish = json.loads(raw)
            time.sleep(wish.get("delay_s", self.delay_s))
        retried = self.headers["X-Gate-Retry"] == "broken"
        if wish.get("die") or (wish.get("die_at_first") and not retried):
            os.kill(os.getpid(), signal.SIGKILL)
        vectors = {
            "textVectors": [[len(raw)]],
            "server": self.server.server_address[0],
            "sent": raw[:MOST_SENT].decode(),
            "authorization": self.headers["Authorization"],
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
    options = [float(item) for item in rest] + [0.0, 0.0, 1000.0][len(rest) :]
    Handler.meta_delay_s, Handler.delay_s = options[:2]
    Handler.workers = threading.Semaphore(int(options[2]))
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
