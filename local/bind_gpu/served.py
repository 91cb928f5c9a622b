"""`python -m bind_gpu.served PORT`: the whole server on the first GPU, at full size under seeded weights."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bind_gpu.engine import seeded_engine
from bind_inference.engine.precision import Precision
from bind_inference.http.app import create_app
from bind_inference.http.server import Server
from bind_inference.logs import configure_logging
from bind_inference.readiness import Phase, Readiness
from bind_inference.scheduling.service import Service
from bind_inference.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from bind_inference.engine.torch_engine import TorchEngine
    from bind_inference.settings import Settings


def load(_: Settings, report: Callable[[Readiness], None]) -> TorchEngine:
    """Return the engine, warmed up; what differs from a server of users is where its weights come from."""
    report(Readiness(Phase.LOADING))
    engine = seeded_engine(Precision.FLOAT16)
    report(Readiness(Phase.WARMING))
    engine.warm_up()
    return engine


def main(port: str) -> None:
    """Serve until a signal."""
    settings = read_settings(
        [
            "--enable-cuda",
            "true",
            "--license-accepted",
            "true",
            "--http-host",
            "127.0.0.1",
            "--http-port",
            port,
        ]
    )
    configure_logging("INFO")  # it tells when each phase of the start began
    service = Service(settings, load, on_failure=lambda message: sys.exit(message))
    server = Server(create_app(service), service, settings)
    server.config.host, server.config.port = "127.0.0.1", int(port)
    server.run()


if __name__ == "__main__":
    main(sys.argv[1])
