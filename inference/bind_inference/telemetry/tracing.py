"""Decides whether spans are made. What makes them (spans.py) and OpenTelemetry are imported only then."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bind_inference import __version__
from bind_inference.settings import InvalidSetting

if TYPE_CHECKING:
    from bind_inference.settings import Settings
    from bind_inference.telemetry.spans import Spans


def start_tracing(settings: Settings) -> Spans | None:
    """Return what makes spans, or None if nobody asks for any.

    Raises InvalidSetting if they cannot be sent as the settings ask.
    """
    endpoint = traces_endpoint(settings)
    if endpoint is None:
        return None
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        protocol = os.environ.get(name)
        if protocol not in {None, "", "http/protobuf"}:
            raise InvalidSetting(
                f"{name}: must be http/protobuf (a collector's port 4318, as a rule), not {protocol!r}"
            )
    try:
        from bind_inference.telemetry.spans import Spans
    except ImportError as error:
        raise InvalidSetting(
            "--otlp-endpoint (OTEL_EXPORTER_OTLP_ENDPOINT): spans need the extra otel, "
            f"`pip install '.[inference,otel]'` in a checkout, or leave it unset ({error})"
        ) from error
    return Spans(endpoint, __version__)


def traces_endpoint(settings: Settings) -> str | None:
    """Return the address for spans by OpenTelemetry's rules: their own, or a path below the common one."""
    if settings.otlp_traces_endpoint:
        return settings.otlp_traces_endpoint
    return f"{settings.otlp_endpoint.rstrip('/')}/v1/traces" if settings.otlp_endpoint else None
