"""A decoder process: one task at a time, a reply to each, until the server is gone.

A message is a line of JSON with one descriptor of shared memory, both ways. JSON, not pickle: what a decoder
that was taken over by its input may tell the server is data, never code.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import multiprocessing
import os
import resource
import signal
import socket
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from bind_inference.decoders.decoding import Bounds, decode, decode_windows, measure
from bind_inference.decoders.lockdown import lock_in
from bind_inference.errors import BindError, TooLittleMemory
from bind_inference.items.bodies import Endpoint, parse_body
from bind_inference.items.embedding import content_key
from bind_inference.items.shared_memory import Shared
from bind_inference.items.windows import WindowGroup
from bind_inference.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Callable

PRELOAD: Final = [
    "bind_inference.decoders.single_thread",
    "bind_inference.decoders.socket_cleanup",
    __name__,
    "bind_inference.preprocess.media",
]
"""What the fork server imports, in this order, so that a process is there in 20 ms."""
MESSAGE_BYTES: Final = 4096
NICENESS: Final = 10


def serve(connection: socket.socket, bounds: Bounds, memory_bytes: int) -> None:
    """Do the tasks that come by `connection` until it ends."""
    open_doors = _prepare(memory_bytes)
    while True:
        message, fds, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, 1)
        if not message:
            return
        data, out = Shared(fds[0]), Shared()
        task = orjson.loads(message)
        made = (
            {"open": open_doors} if task["do"] == "check" else _reply(task, data, out, bounds, memory_bytes)
        )
        reply = orjson.dumps({"seconds": 0.0} | made)
        place = {"offset": out.write(reply), "length": len(reply)}
        socket.send_fds(connection, [orjson.dumps(place)], [out.fd])
        del data, out  # or a video would stay in memory until the next task


def _prepare(memory_bytes: int) -> list[str]:
    """Limit this process, and lock it in; return what of that the kernel cannot."""
    _die_with_server()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C is for the server
    # Of private memory; RLIMIT_AS would count libraries and threads' stacks that are never touched.
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (memory_bytes, memory_bytes)
    )  # of what it writes for the server
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # libmpg123 tells standard error what it thinks of a file, Pillow its log: strangers would write ours.
    logging.disable()
    with Path("/dev/null").open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    # The forward pass wants all processors at once: its threads wait for each other after each product, and
    # one that is kept waiting keeps all. Beside one busy process of its own priority a text took 950 ms
    # instead of 72 on two cores, beside a nicer one 81, and that had a quarter of a core all the same.
    os.nice(NICENESS)
    # Where memory runs out all the same, a decoder should go, not the server.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    return lock_in()


def _die_with_server() -> None:
    """Have the kernel kill this process when the server is gone, however that ended, even inside a decoder.

    PR_SET_PDEATHSIG would not do: our parent is the fork server, which lives as long as any of its children.
    """
    server = multiprocessing.parent_process()
    if server is None:
        return
    # The read end of a pipe whose other end only the server has.
    fcntl.fcntl(server.sentinel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(server.sentinel, fcntl.F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(server.sentinel, fcntl.F_GETFL)
    fcntl.fcntl(server.sentinel, fcntl.F_SETFL, flags | os.O_ASYNC)
    if not server.is_alive():
        os._exit(0)


def _reply(
    task: dict[str, Any], data: Shared, out: Shared, bounds: Bounds, memory_bytes: int
) -> dict[str, Any]:
    """Return the reply to `task`; arrays and strings are written to `out`."""
    start = time.perf_counter()
    do: Callable[..., dict[str, Any]] = _DOERS[task["do"]]
    try:
        reply = do(task, data, out, bounds)
    except BindError as error:
        reply = {"error": _fault(error)}
    except MemoryError:
        what = "the body " if task["do"] == "read" else ""
        reply = {
            "error": _fault(
                TooLittleMemory(
                    f"{what}takes more memory to decode than the {memory_bytes:,} bytes that one decoder may "
                    "use (--decode-memory-bytes)"
                )
            )
        }
    except Exception:  # noqa: BLE001  (a bug: the server logs it and answers 500)
        reply = {"bug": traceback.format_exc()}
    return reply | {"seconds": time.perf_counter() - start}


def _decode(task: dict[str, Any], data: Shared, out: Shared, bounds: Bounds) -> dict[str, Any]:
    modality, media = Modality(task["modality"]), _media(task, data)
    group = WindowGroup(**task["windows"]) if "windows" in task else None
    decoded = decode_windows(modality, media, group, bounds) if group else decode(modality, media, bounds)
    slices = [
        {
            "offset": out.write(np.ascontiguousarray(part.tensor).data),
            "shape": part.tensor.shape,
            "dtype": part.tensor.dtype.name,
            "share": part.share,
            "gflop": part.gflop,
            "window": part.window,
        }
        for part in decoded.slices
    ]
    return {"slices": slices, "tokens": decoded.tokens}


def _measure(task: dict[str, Any], data: Shared, _out: Shared, bounds: Bounds) -> dict[str, Any]:
    return {"duration_ms": measure(Modality(task["modality"]), _media(task, data), bounds)}


def _media(task: dict[str, Any], data: Shared) -> str:
    return data.read(task["offset"], task["length"]).decode("utf-8", "surrogatepass")


def _read(task: dict[str, Any], data: Shared, out: Shared, _bounds: Bounds) -> dict[str, Any]:
    body = parse_body(Endpoint(task["kind"]), data.read(0, data.size), task["max_items"])
    items = []
    for item in body.items:
        assert isinstance(item.data, str)  # noqa: S101  (only the server has others)
        text = item.data.encode("utf-8", "surrogatepass")
        _, digest = content_key(item.modality, item.data)
        items.append([item.modality, item.index, out.write(text), len(text), digest.hex()])
    faults = [_fault(fault) | {"item": fault.item} for fault in body.faults]
    remote = [[item.modality, item.index, _printable(item.url)] for item in body.remote]
    return {"items": items, "faults": faults, "options": body.options, "remote": remote}


_DOERS: Final = {"decode": _decode, "measure": _measure, "read": _read}


def _fault(error: BindError) -> dict[str, Any]:
    return {"kind": type(error).__name__, "message": _printable(error.message)}


def _printable(text: str) -> str:
    """Return `text` without half surrogate pairs, which JSON does not take and a client may send."""
    return text.encode(errors="replace").decode()
