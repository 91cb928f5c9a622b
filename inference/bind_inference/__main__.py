"""`python -m bind_inference`: serve ImageBind until SIGTERM.

With `convert`: make of a checkpoint the file that servers read. With `load`: run `bind-load`.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from typing import TYPE_CHECKING

from bind_inference.engine.importing import load_engine
from bind_inference.exit import end, exit_status
from bind_inference.http.accepting import allow_descriptors
from bind_inference.keys import ApiKeys
from bind_inference.logs import configure_logging
from bind_inference.scheduling.cpus import http_workers, limit_libraries
from bind_inference.settings import PROGRAM, InvalidSetting, Settings, read_settings
from bind_inference.telemetry.tracing import start_tracing

if TYPE_CHECKING:
    from bind_inference.telemetry.spans import Spans

log = logging.getLogger("bind_inference")

TCP_NOTSENT_LOWAT = 25  # of linux/tcp.h; the socket module has no name for it
UNSENT_BYTES = 1 << 15


def listen(settings: Settings) -> socket.socket:
    """Return the listening socket. Raises InvalidSetting if the address cannot be had."""
    host, port = settings.http_host, settings.http_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # At `::` it listens at the addresses of both families, as others do; Python's default is IPv6 alone.
        both = host == "::" and socket.has_dualstack_ipv6()
        listener = socket.create_server((host, port), family=family, backlog=2048, dualstack_ipv6=both)
    except OSError as error:
        raise InvalidSetting(
            "--http-host, --http-port (BIND_HTTP_HOST, BIND_HTTP_PORT): "
            f"cannot listen on {host} port {port}: {os.strerror(error.errno) if error.errno else error}"
        ) from error
    # Each connection has it from here. What a client does not take waits in the server, where it is counted,
    # not in the kernel, which would keep megabytes for each.
    listener.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    return listener


def serve(settings: Settings) -> int:
    """Serve until a signal; return the exit status, 1 if the model cannot be loaded."""
    spans = start_tracing(settings)
    allow_descriptors()
    listener = listen(settings)
    failures: list[str] = []
    if workers := http_workers(settings):
        serve_by_workers(settings, spans, listener, workers, failures)
    else:
        serve_alone(settings, spans, listener, failures)
    if spans:
        spans.close()
    for message in failures:
        print(f"{PROGRAM}: {message}", file=sys.stderr)
    return 1 if failures else 0


def serve_alone(
    settings: Settings, spans: Spans | None, listener: socket.socket, failures: list[str]
) -> None:
    """Serve in this process; note in `failures` why the model cannot be loaded."""
    from bind_inference.http.app import create_app
    from bind_inference.http.server import Server
    from bind_inference.scheduling.service import Service

    def fail(message: str) -> None:
        failures.append(message)
        server.should_exit = True

    service = Service(settings, load_engine, on_failure=fail, spans=spans)
    server = Server(create_app(service), service, settings, listener)
    log_listening(settings, listener)
    server.run()


def serve_by_workers(
    settings: Settings, spans: Spans | None, listener: socket.socket, count: int, failures: list[str]
) -> None:
    """Serve by `count` HTTP workers; note in `failures` why the server is of no use."""
    from bind_inference.workers.pool import Workers

    workers = Workers(count)  # they import what they need beside this process
    from bind_inference.scheduling.service import Service
    from bind_inference.workers.server import MainServer

    def fail(message: str) -> None:
        if message not in failures:
            failures.append(message)
        server.close()

    service = Service(settings, load_engine, on_failure=fail, spans=spans)
    workers.on_none_left = fail
    server = MainServer(service, workers, settings, listener)
    log_listening(settings, listener)
    server.run()


def log_listening(settings: Settings, listener: socket.socket) -> None:
    """Log the address: connections wait from now on."""
    log.info("listening", extra={"host": settings.http_host, "port": listener.getsockname()[1]})


def embed_folder(arguments: list[str]) -> int:
    """Run `bind-load` under the name that it had as a command of this program; return the exit status."""
    from bind_load.__main__ import main as run_bind_load

    return run_bind_load(arguments)


def convert_checkpoint(arguments: list[str]) -> int:
    """Make a safetensors file of a checkpoint; return the exit status."""
    from bind_inference.convert.command import run_convert
    from bind_inference.convert.settings import read_convert_settings

    settings = read_convert_settings(arguments)
    configure_logging(settings.log_level)
    return run_convert(settings)


def run_server(arguments: list[str]) -> int:
    """Serve with the settings of `arguments`; return the exit status."""
    settings = read_settings(arguments)
    from bind_inference.http.tls import tls_factory

    ApiKeys.of(settings)  # what is wrong with them is told before anything else begins
    tls_factory(settings)
    os.environ.pop("BIND_API_KEYS", None)  # decoders, which read strangers' media, inherit the environment
    configure_logging(settings.log_level)
    return serve(settings)


COMMANDS = {"convert": convert_checkpoint, "load": embed_folder}


def main(arguments: list[str]) -> int:
    """Run a command, without one the server; return the exit status, 2 for a wrong setting."""
    limit_libraries()
    if arguments and arguments[0] in COMMANDS:
        return exit_status(PROGRAM, COMMANDS[arguments[0]], arguments[1:])
    return exit_status(PROGRAM, run_server, arguments)


if __name__ == "__main__":
    end(main(sys.argv[1:]))
