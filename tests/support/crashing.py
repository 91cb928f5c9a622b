"""Decoder processes that pictures can crash: `serve` is started in place of the real one.

A picture whose bytes are one of these orders carries it out; any other is decoded as always.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import numpy as np

from bind_inference.decoders import process
from bind_inference.modality import Modality
from bind_inference.preprocess import media

if TYPE_CHECKING:
    import socket

    from bind_inference.decoders.decoding import Bounds
    from bind_inference.preprocess.limits import Floats, Limits


def carry_out(data: bytes, limits: Limits) -> Floats:
    """Carry out the order in `data`, or decode it."""
    match data.split():
        case [b"signal", number]:
            os.kill(os.getpid(), int(number))
            signal.pause()
        case [b"exit", status]:
            os._exit(int(status))
        case [b"sleep", seconds]:
            time.sleep(float(seconds))
        case [b"allocate", size]:
            return np.ones(int(size) // 4, np.float32)
        case [b"bug"]:
            raise ZeroDivisionError("a bug of ours")
    return real(data, limits)


real = media.DECODERS[Modality.IMAGE]


def serve(connection: socket.socket, bounds: Bounds, memory_bytes: int) -> None:
    """Run as a decoder process whose decoder of pictures is `carry_out`."""
    media.DECODERS = {**media.DECODERS, Modality.IMAGE: carry_out}  # type: ignore[misc]  # in this process alone
    process.serve(connection, bounds, memory_bytes)
