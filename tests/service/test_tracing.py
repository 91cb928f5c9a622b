"""Spans of the real server, as a receiver gets them."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from bind_inference.modality import Modality
from support.otlp import Receiver, attributes, receiver
from support.samples import encoded
from support.server import ServerProcess, environment, run, server

PARENT = "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def spans() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


@pytest.fixture(scope="module")
def traced(spans: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server(
        tmp_path_factory.mktemp("traced"),
        OTEL_EXPORTER_OTLP_ENDPOINT=spans.url,
        OTEL_BSP_SCHEDULE_DELAY="100",
        NO_PROXY="127.0.0.1",
    ) as process:
        yield process


def ask(process: ServerProcess, trace: str, **items: list[str]) -> httpx.Response:
    headers = {"traceparent": f"00-{trace}-{PARENT}-01", "X-Request-ID": f"order-{trace[:4]}"}
    return httpx.post(f"{process.url}/vectorize", json=items, headers=headers, timeout=30)


def test_a_request_and_its_parts_continue_the_callers_trace(traced: ServerProcess, spans: Receiver) -> None:
    trace = "1" * 32
    picture = encoded(Modality.IMAGE, "small.webp")
    assert ask(traced, trace, texts=["a traced text"], images=[picture]).status_code == 200
    found = spans.wait(trace, 7)
    assert sorted(span.name for span in found) == [
        "POST /vectorize",
        *["decode"] * 2,
        *["forward"] * 2,
        *["queue"] * 2,
    ]
    (request,) = [span for span in found if span.name == "POST /vectorize"]
    assert request.parent_span_id.hex() == PARENT
    recorded = attributes(request.attributes)
    assert (recorded["http.route"], recorded["http.response.status_code"]) == ("/vectorize", 200)
    assert recorded["bind.request_id"] == "order-1111"
    for span in found:
        if span is not request:
            assert span.parent_span_id == request.span_id
            assert request.start_time_unix_nano <= span.start_time_unix_nano + 5_000_000
            assert span.start_time_unix_nano <= span.end_time_unix_nano
            assert span.end_time_unix_nano <= request.end_time_unix_nano + 5_000_000
    for name in ("decode", "queue", "forward"):
        modalities = {attributes(span.attributes)["bind.modality"] for span in found if span.name == name}
        assert modalities == {"text", "image"}
    forward = attributes(next(span for span in found if span.name == "forward").attributes)
    assert forward["bind.batch_size"] == 1
    assert 0 <= forward["bind.queue_s"] < 10


def test_a_receiver_learns_who_sends(traced: ServerProcess, spans: Receiver) -> None:
    ask(traced, "2" * 32, texts=["who sends"])
    assert spans.wait("2" * 32, 1)
    assert spans.paths == {"/v1/traces"}
    assert spans.resource["service.name"] == "bind-inference"


def test_a_clients_mistake_is_no_error_of_the_server(traced: ServerProcess, spans: Receiver) -> None:
    trace = "3" * 32
    assert ask(traced, trace, images=["AAAA"]).status_code in {415, 422}
    found = {span.name: span for span in spans.wait(trace, 2)}
    assert found["decode"].status.code == found["POST /vectorize"].status.code == 0
    assert attributes(found["decode"].attributes)["error.type"]


def test_each_request_that_shares_a_batch_has_its_spans(traced: ServerProcess, spans: Receiver) -> None:
    traces = [f"{number:032x}" for number in range(1, 9)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda trace: ask(traced, trace, texts=["shared by all", f"own {trace}"]), traces))
    for trace in traces:
        found = spans.wait(trace, 4)
        (request,) = [span for span in found if span.name == "POST /vectorize"]
        others = [span for span in found if span is not request]
        assert {span.name for span in others} >= {"queue", "forward"}
        assert {span.parent_span_id for span in others} == {request.span_id}


def test_a_caller_who_samples_nothing_is_heeded(traced: ServerProcess, spans: Receiver) -> None:
    headers = {"traceparent": f"00-{'4' * 32}-{PARENT}-00"}
    httpx.post(f"{traced.url}/vectorize", json={"texts": ["unsampled"]}, headers=headers)
    ask(traced, "5" * 32, texts=["sampled later"])
    assert spans.wait("5" * 32, 4)
    assert spans.trace("4" * 32) == []


def test_probes_have_no_spans_and_log_lines_name_their_trace(traced: ServerProcess, spans: Receiver) -> None:
    for path in ("/.well-known/ready", "/meta", "/metrics"):
        assert httpx.get(f"{traced.url}{path}").is_success
    ask(traced, "6" * 32, images=["!"])
    assert spans.wait("6" * 32, 2)
    names = {attributes(span.attributes).get("http.route") for span in spans.spans}
    assert names <= {"/vectorize", None}
    (line,) = [event for event in traced.events() if event.get("trace_id") == "6" * 32]
    assert (line["request_id"], line["status"]) == ("order-6666", 422)


def test_the_last_spans_are_sent_before_the_end(spans: Receiver, tmp_path: Path) -> None:
    with server(
        tmp_path,
        "--drain-delay-s",
        "0",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{spans.url}/own/path",
        OTEL_BSP_SCHEDULE_DELAY="60000",
        NO_PROXY="127.0.0.1",
    ) as process:
        ask(process, "7" * 32, texts=["last words"])
        assert spans.trace("7" * 32) == []
        process.terminate()
        assert process.process.wait(20) == 0
    assert len(spans.wait("7" * 32, 4)) == 4
    assert "/own/path" in spans.paths
    spans.paths.discard("/own/path")


@pytest.mark.parametrize("answers", ["refused", "never"])
def test_a_receiver_that_is_gone_costs_no_answer_and_little_time_at_the_end(
    tmp_path: Path, answers: str
) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        if answers == "never":
            deaf.listen()
        with server(
            tmp_path,
            "--drain-delay-s",
            "0",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{deaf.getsockname()[1]}",
            OTEL_BSP_SCHEDULE_DELAY="100",
            NO_PROXY="127.0.0.1",
        ) as process:
            assert ask(process, "8" * 32, texts=["nobody listens"]).status_code == 200
            time.sleep(0.5)  # so that spans are under way
            process.terminate()
            assert process.process.wait(6) == 0


def test_spans_without_the_extra_are_refused_in_one_line(tmp_path: Path) -> None:
    # a package of that name without anything in it stands for one that is not installed
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry" / "__init__.py").touch()
    done = run(
        "--model",
        "tiny",
        "--http-port",
        "0",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1",
        PYTHONPATH=f"{tmp_path}:{environment()['PYTHONPATH']}",
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in line
    assert ".[inference,otel]" in line


def test_a_protocol_that_is_not_spoken_is_refused() -> None:
    done = run(
        "--model",
        "tiny",
        "--http-port",
        "0",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4317",
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
    )
    assert done.returncode == 2
    assert "OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf" in done.stderr


def test_without_an_endpoint_nothing_of_opentelemetry_is_imported() -> None:
    code = (
        "import sys; from bind_inference.settings import Settings\n"
        "from bind_inference.http import app\n"
        "from bind_inference.scheduling import scheduler\n"
        "from bind_inference.telemetry import tracing\n"
        "assert tracing.start_tracing(Settings(model='Tiny')) is None\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]", done.stderr
