"""Measure the engine on the first GPU and write docs/benchmarks-gpu.md anew."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from bind_gpu.card import find, first_gpu
from bind_gpu.engine import seeded_model
from bind_gpu.measurements import measure_engine, measure_plain
from bind_gpu.needs import missing
from bind_gpu.page import KEPT, render, render_server
from bind_inference.engine.precision import Precision
from bind_inference.engine.torch_engine import TorchEngine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bind_gpu.clients import Sample
    from bind_gpu.measurements import Measurement
    from bind_gpu.server import ServerFigures

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks-gpu.md"


def measure() -> None:
    """Measure, print each figure and write the page."""
    card = find()
    print(f"{card.name}, torch {card.torch}: a large 16-bit product reaches {card.peak_tflops:.0f} TFLOP/s")
    absent = missing()
    server = None if absent else measure_server_here()
    if server is None:
        print(f"the whole server is not measured: this Python lacks {', '.join(absent)}")
    device = first_gpu()
    model = seeded_model(Precision.FLOAT16)
    plain = printed("plain", measure_plain(model, device, card))  # before the engine sets torch's switches
    engine = TorchEngine(model, device, Precision.FLOAT16)
    began = time.perf_counter()
    engine.warm_up()
    warm_s = time.perf_counter() - began
    measured = printed("engine", measure_engine(engine, card))
    memory = torch.cuda.memory_reserved(device) / 2**30
    before = PAGE.read_text() if PAGE.exists() else ""
    remarks = before.partition(KEPT)[2]
    page = render(card, measured, plain, warm_s=warm_s, memory_gib=memory) + render_server(
        card, server, absent
    )
    PAGE.write_text(page + KEPT + remarks)
    print(f"written to {PAGE}")


def printed(name: str, measurements: Iterable[Measurement]) -> list[Measurement]:
    """Return `measurements`, each printed as it comes."""
    kept = []
    for one in measurements:
        print(
            f"  {name:6} {one.modality:8} x{one.size:<5} {1000 * one.batch_s:8.2f} ms {one.rate:8.0f}/s "
            f"{one.share:.3f} of the peak",
            flush=True,
        )
        kept.append(one)
    return kept


def measure_server_here() -> ServerFigures:
    """Measure the whole server, where its packages are there, and print each figure."""
    from bind_gpu.server import measure_server

    figures = measure_server()
    print(f"  ready after {figures.ready_s:.1f} s; {figures.decode_ms:.1f} ms to decode a picture")
    for name, sample in figures.samples.items():
        print(f"  {describe(name, sample)}", flush=True)
    return figures


def describe(name: str, sample: Sample) -> str:
    """Return a line about what came of one load."""
    failed = f", {sample.failed} failed" if sample.failed else ""
    return f"{name:42} {sample.rate:8.0f}/s, p99 {sample.percentile(99):.1f} ms{failed}"
