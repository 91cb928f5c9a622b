"""A DNS server on loopback, by which every name has the same addresses, of one family or of both."""

import socket
import struct
import threading
from typing import Self

NOT_FOUND = 3
A_RECORD, AAAA_RECORD = 1, 28
FAMILIES = {A_RECORD: socket.AF_INET, AAAA_RECORD: socket.AF_INET6}


class FakeDns:
    """Answers from `addresses`, which a test changes while it runs; none is NXDOMAIN, as in a cluster."""

    def __init__(self) -> None:
        self.addresses: tuple[str, ...] = ()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # An empty datagram ends the thread: closing a socket does not wake a reader of it.
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, client = self._socket.recvfrom(512)
            if not query:
                return
            self._socket.sendto(answer(query, self.addresses), client)


def answer(query: bytes, addresses: tuple[str, ...]) -> bytes:
    """Return the answer to one query (RFC 1035, 3596): records that live for no time, or NXDOMAIN."""
    end = query.index(0, 12) + 5
    question = query[12:end]
    (kind,) = struct.unpack("!H", question[-4:-2])
    family = FAMILIES.get(kind)
    wanted = [item for item in addresses if (socket.AF_INET6 if ":" in item else socket.AF_INET) is family]
    records = [socket.inet_pton(family, item) for item in wanted] if family else []
    flags = 0x8180 | (0 if addresses else NOT_FOUND)
    header = query[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0)
    # 0xC00C points to the name in the question.
    answers = (struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(item)) + item for item in records)
    return header + question + b"".join(answers)
