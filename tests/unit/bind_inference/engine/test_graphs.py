from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from bind_inference.engine import graphs
from bind_inference.engine.graphs import LENGTHS, SIZES, Graphs, rung
from bind_inference.model import ImageBind
from bind_inference.weights.reading import seeded_model


class FakeGraph:
    """Runs again what was recorded, as a graph does: from the memory that it was recorded with."""

    def __init__(self, run: Callable[[], Tensor], vectors: Tensor) -> None:
        self._run, self._vectors = run, vectors

    def replay(self) -> None:
        self._vectors.copy_(self._run())


class OnCpu(Graphs):
    """Graphs of a device that is the CPU."""

    recorded: list[tuple[str, int, int]]

    def _record(self, encoder: str, size: int, inputs: graphs.Inputs) -> Any:
        there = graphs.buffers(inputs, size, self._device)
        run = self._run(encoder, there)
        vectors = run().clone()
        self.recorded.append((encoder, size, inputs[0].shape[1] if encoder == "text" else 0))
        return graphs.Recorded(FakeGraph(run, vectors), there, vectors)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tiny() -> ImageBind:
    return seeded_model()


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    memory = [80 << 30]
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (memory[0], 80 << 30))
    return memory


@pytest.fixture
def made(tiny: ImageBind, free: list[int]) -> OnCpu:
    made = OnCpu(tiny, torch.device("cpu"))
    made.recorded = []
    return made


def texts(*lengths: int) -> Tensor:
    rows = torch.zeros(len(lengths), 77, dtype=torch.int64)
    for row, length in zip(rows, lengths, strict=True):
        row[:length] = torch.arange(1, length + 1) * 7
        row[length - 1] = 49407
    return rows


@pytest.mark.parametrize(("value", "expected"), [(1, 1), (2, 2), (3, 4), (33, 48), (64, 64), (65, None)])
def test_a_batch_takes_the_lowest_size_that_holds_it(value: int, expected: int | None) -> None:
    assert rung(SIZES, value) == expected


@torch.inference_mode()
@pytest.mark.parametrize("lengths", [(3,), (3, 9, 16), (5, 77, 2, 20, 31)])
def test_padded_texts_have_the_vectors_that_packed_ones_have(
    tiny: ImageBind, made: OnCpu, lengths: tuple[int, ...]
) -> None:
    ids = texts(*lengths)
    torch.testing.assert_close(made.encode("text", ids), tiny.encode("text", ids), rtol=1e-4, atol=1e-5)
    assert made.recorded == [("text", rung(SIZES, len(lengths)), rung(LENGTHS, max(lengths)))]


@torch.inference_mode()
def test_a_graph_gives_each_batch_its_own_vectors(tiny: ImageBind, made: OnCpu) -> None:
    generator = torch.Generator().manual_seed(1)
    for count in (3, 4, 3):
        pictures = torch.randn(count, 3, 224, 224, generator=generator)
        found = made.encode("vision", pictures)
        torch.testing.assert_close(found, tiny.encode("vision", pictures), rtol=1e-4, atol=1e-5)
    assert made.recorded == [("vision", 4, 0)]  # once for all three


@torch.inference_mode()
def test_texts_after_longer_texts_see_nothing_of_them(tiny: ImageBind, made: OnCpu) -> None:
    for lengths in ((16, 16), (3, 4)):
        made.encode("text", texts(*lengths))
    made.encode("text", texts(16, 16))
    short = texts(10, 9)
    torch.testing.assert_close(made.encode("text", short), tiny.encode("text", short), rtol=1e-4, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("lengths", [[5] * 257, [5] * 64 + [70]])
def test_what_is_larger_than_every_graph_is_encoded_without_one(
    tiny: ImageBind, made: OnCpu, lengths: list[int]
) -> None:
    ids = texts(*lengths)
    torch.testing.assert_close(made.encode("text", ids), tiny.encode("text", ids))
    assert made.recorded == []


@torch.inference_mode()
def test_where_memory_is_short_no_graph_is_made(tiny: ImageBind, made: OnCpu, free: list[int]) -> None:
    free[0] = 1 << 30
    ids = texts(5)
    torch.testing.assert_close(made.encode("text", ids), tiny.encode("text", ids))
    assert made.recorded == []


@torch.inference_mode()
def test_stills_and_clips_have_graphs_of_their_own(tiny: ImageBind, made: OnCpu) -> None:
    for shape in ((3, 224, 224), (3, 2, 224, 224), (3, 224, 224)):
        views = torch.randn(2, *shape, generator=torch.Generator().manual_seed(2))
        found = made.encode("vision", views)
        torch.testing.assert_close(found, tiny.encode("vision", views), rtol=1e-4, atol=1e-5)
    assert len(made.recorded) == 2
