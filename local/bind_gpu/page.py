"""The page of figures, as Markdown. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bind_inference.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bind_gpu.card import Card
    from bind_gpu.measurements import Measurement
    from bind_gpu.server import ServerFigures

KEPT: Final = "<!-- What follows is written by hand and kept from run to run. -->"


def render(
    card: Card,
    measured: Sequence[Measurement],
    plain: Sequence[Measurement],
    *,
    warm_s: float,
    memory_gib: float,
) -> str:
    """Return the page up to the remarks that are kept. plain: figures of some batches to compare with."""
    beside = {(one.modality, one.size): one for one in plain}
    lines = [
        "# Benchmarks on a GPU",
        "",
        f"{card.name} ({card.memory_gib:.0f} GiB, compute capability "
        f"{card.capability[0]}.{card.capability[1]}), torch {card.torch}; the full-size model at float16 "
        "under seeded weights, from prepared items in memory to vectors in memory. Written by "
        "`make bench-gpu`.",
        "",
        f"A product of two large 16-bit matrices reached {card.peak_tflops:.0f} TFLOP/s in the same run: the "
        f"peak that shares are of. The first passes took {warm_s:.1f} s; {memory_gib:.1f} GiB of the card's "
        "memory were held at the end.",
        "",
        "| | batch | ms | items/s | share of the peak | of plain eager PyTorch |",
        "|---|---|---|---|---|---|",
    ]
    for one in measured:
        other = beside.get((one.modality, one.size))
        ratio = f"{other.batch_s / one.batch_s:.2f} x" if other else ""
        lines.append(
            f"| {one.modality} | {one.size} | {1000 * one.batch_s:.2f} | {one.rate:,.0f} "
            f"| {one.share:.3f} | {ratio} |"
        )
    return "\n".join([*lines, "", ""])


def render_server(card: Card, figures: ServerFigures | None, missing: Sequence[str]) -> str:
    """Return the part about the whole server. missing: the packages for want of which it was not measured."""
    head = "## The whole server\n\n"
    if figures is None:
        return f"{head}Not measured: this Python lacked {', '.join(missing)}.\n\n"
    lines = [
        "One server, float16, HTTP clients on the same machine, pictures as JPEG of 640 x 480. Ready after "
        f"{figures.ready_s:.1f} s, {figures.memory_gib:.1f} GiB of the card at the end. A decoder took "
        f"{figures.decode_ms:.1f} ms for a picture, so that one CPU decodes {1000 / figures.decode_ms:.0f} a "
        "second.",
        "",
        "| | items/s | share of the peak | p50, ms | p99, ms | failed |",
        "|---|---|---|---|---|---|",
    ]
    gflop = Modality.IMAGE.entry.unit_gflop
    for name, sample in figures.samples.items():
        is_measured = name.startswith("pictures") and sample.rate > 0
        share = f"{card.share(gflop, 1 / sample.rate):.3f}" if is_measured else ""
        lines.append(
            f"| {name} | {sample.rate:,.0f} | {share} | {sample.percentile(50):.1f} "
            f"| {sample.percentile(99):.1f} | {sample.failed} |"
        )
    return head + "\n".join([*lines, "", ""])
