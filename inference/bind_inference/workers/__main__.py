"""`python -m bind_inference.workers DESCRIPTOR MAIN`: an HTTP worker, as the main process starts it."""

from __future__ import annotations

import socket
import sys

from bind_inference.workers.process import end_with


def main(descriptor: int, main_process: int) -> None:
    """Serve the connections that come by the socket `descriptor` until it ends."""
    end_with(main_process)
    import bind_inference.decoders.single_thread  # noqa: F401  (before numpy, which no product is asked of)
    from bind_inference.workers.serving import serve

    serve(socket.socket(fileno=descriptor))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
