"""An address that loses every packet, as one behind a network policy that drops them."""

import contextlib
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def deaf_address(host: str = "127.0.0.1", port: int = 0) -> Iterator[tuple[str, int]]:
    """Yield an address where no connection comes about: its queue is full, and nobody accepts.

    The kernel drops the first packet of each further connection. port: 0 takes a free one.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(address)
        yield address
