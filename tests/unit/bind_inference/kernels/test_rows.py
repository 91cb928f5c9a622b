"""Each kernel against torch in float64, at each level of instructions that this processor has."""

import ctypes
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (the name everybody knows)

from bind_inference.kernels import library, rows
from bind_inference.kernels.rows import MIDDLE, Levels, Norm, Products

BUILT = sorted(library.FOLDER.glob("rows-*.so"))
FLAGS = {f"rows-{level}": flag for level, flag in library.LEVELS.items()}
RUNS = [path for path in BUILT if torch.cpu.get_capabilities().get(FLAGS.get(path.stem, ""), True)]
# The last is shared by threads.
SHAPES = [(1, 1), (3, 17), (5, 64), (90, 200)]


@pytest.fixture(params=RUNS, ids=lambda path: path.stem, autouse=True)
def _level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(rows, "open_library", lambda: ctypes.CDLL(str(request.param)))
    rows._function.cache_clear()
    yield
    rows._function.cache_clear()


@pytest.fixture(params=[torch.float32, torch.bfloat16], ids=str)
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    torch.manual_seed(0)
    chosen: torch.dtype = request.param
    return chosen


def products(shape: tuple[int, int], dtype: torch.dtype) -> Products:
    count, columns = shape
    return Products((torch.randn(shape) * 100).to(dtype), torch.rand(count) / 50 + 1e-3, torch.randn(columns))


def exact(given: Products) -> Tensor:
    return given.values.double() * given.steps.double()[:, None] + given.bias.double()


def norm(columns: int) -> Norm:
    return Norm(torch.randn(columns), torch.randn(columns), 1e-6)


def check(levels: Levels, wanted: Tensor) -> None:
    """Assert that levels are the nearest to what is wanted, and the greatest of each row the last one."""
    steps = levels.steps.double()[:, None]
    assert levels.values.dtype is torch.uint8
    torch.testing.assert_close(steps * 127, wanted.abs().amax(dim=1, keepdim=True), rtol=1e-5, atol=1e-6)
    whole = levels.values.double() - MIDDLE
    assert whole.abs().amax(dim=1).eq(127).all()
    assert ((whole * steps - wanted).abs() <= steps * 0.5001 + 1e-6).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_quantize(shape: tuple[int, int], dtype: torch.dtype) -> None:
    x = torch.randn(shape).to(dtype)
    check(rows.quantize(x), x.double())


@pytest.mark.parametrize("shape", [(3, 17), (5, 64), (90, 200)])
def test_normalize(shape: tuple[int, int], dtype: torch.dtype) -> None:
    x, given = (torch.randn(shape) * 3 + 5).to(dtype), norm(shape[1])
    wanted = F.layer_norm(x.double(), shape[1:], given.weight.double(), given.bias.double(), given.epsilon)
    check(rows.normalize(x, given), wanted)


@pytest.mark.parametrize("shape", SHAPES)
def test_gelu(shape: tuple[int, int], dtype: torch.dtype) -> None:
    given = products(shape, dtype)
    check(rows.gelu(given), F.gelu(exact(given)))


def test_gelu_is_the_exact_one(dtype: torch.dtype) -> None:
    """The step of a row of one number tells the number itself."""
    x = torch.linspace(-12, 12, 20001).to(dtype)[:, None]
    found = rows.gelu(Products(x, torch.ones(len(x)), torch.zeros(1))).steps * 127
    torch.testing.assert_close(found, F.gelu(x.double())[:, 0].abs().float(), rtol=1e-6, atol=1.5e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_scale_and_add(shape: tuple[int, int], dtype: torch.dtype) -> None:
    given, x = products(shape, dtype), torch.randn(shape).to(dtype)
    half_a_step = {torch.float32: 2e-7, torch.bfloat16: 2**-8}[dtype]
    torch.testing.assert_close(rows.scale(given).double(), exact(given), rtol=half_a_step, atol=1e-6)
    wanted = x.double() + exact(given)
    torch.testing.assert_close(rows.add(x, given).double(), wanted, rtol=half_a_step, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_add_and_normalize_at_once(shape: tuple[int, int], dtype: torch.dtype) -> None:
    given, x, after = products(shape, dtype), torch.randn(shape).to(dtype), norm(shape[1])
    before = x.clone()
    found, levels = rows.add_normalize(x, given, after)
    assert torch.equal(x, before)
    assert torch.equal(found, rows.add(x, given))
    apart = rows.normalize(found, after)
    assert torch.equal(levels.values, apart.values)
    assert torch.equal(levels.steps, apart.steps)


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize(("items", "tokens", "heads", "width"), [(1, 1, 1, 3), (3, 5, 2, 4), (4, 9, 8, 80)])
def test_split_and_join(
    items: int, tokens: int, heads: int, width: int, learned: bool, dtype: torch.dtype
) -> None:
    given = products((items * tokens, 3 * heads * width), dtype)
    more = torch.randn(2, heads * width) if learned else None
    plain = rows.scale(given).view(items, tokens, 3, heads, width).permute(2, 0, 3, 1, 4)
    wanted = list(plain)
    if more is not None:
        last = more.to(dtype).view(2, 1, heads, 1, width).expand(2, items, heads, 1, width)
        wanted[1:] = [torch.cat([wanted[1], last[0]], dim=2), torch.cat([wanted[2], last[1]], dim=2)]
    found = rows.split(given, items, heads, 1.0, more)
    for one, other in zip(found, wanted, strict=True):
        assert torch.equal(one, other)
    halved = rows.split(given, items, heads, 0.5, more)
    assert torch.equal(halved[0], 0.5 * found[0])
    assert torch.equal(halved[1], found[1])
    joined = rows.join(found[0])
    apart = rows.quantize(found[0].transpose(1, 2).reshape(items * tokens, heads * width))
    assert torch.equal(joined.values, apart.values)
    assert torch.equal(joined.steps, apart.steps)


def test_a_row_does_not_depend_on_its_neighbours(dtype: torch.dtype) -> None:
    given = products((300, 96), dtype)
    given.values[7] *= 1e4
    together = rows.gelu(given)
    for i, value in enumerate(given.values):
        alone = rows.gelu(Products(value[None], given.steps[i : i + 1], given.bias))
        assert torch.equal(alone.values[0], together.values[i])
        assert alone.steps[0] == together.steps[i]


def test_no_value_of_a_row_leaves_its_levels(dtype: torch.dtype) -> None:
    """Each row's greatest value, of either sign, is the one that would wrap around."""
    x = torch.zeros(4096, 2, dtype=dtype)
    x[:, 0] = (torch.randn(4096) * torch.logspace(-30, 30, 4096)).to(dtype)
    x[0] = 0
    levels = rows.quantize(x)
    assert levels.values[0].eq(MIDDLE).all()
    found = (levels.values.float() - MIDDLE) * levels.steps[:, None]
    torch.testing.assert_close(found, x.float(), rtol=1e-5, atol=0)


def test_numbers_are_rounded_as_torch_rounds_them(dtype: torch.dtype) -> None:
    """To the nearest, of two to the even one; also what is so large that it becomes infinite."""
    bits = torch.randint(-(2**31), 2**31, (100_000,)).to(torch.int32)
    bits[::3] = bits[::3].bitwise_and(-(2**16)).bitwise_or(2**15)  # halfway between two of bfloat16
    wanted = bits.view(torch.float32)
    wanted = torch.where(wanted.isnan(), 1.0, wanted)
    found = rows.scale(Products(torch.zeros(1, len(wanted), dtype=dtype), torch.ones(1), wanted))
    assert torch.equal(found[0], wanted.to(dtype))


def test_no_number_that_is_none_becomes_one_when_it_is_rounded(dtype: torch.dtype) -> None:
    bits = torch.tensor([0x7FFFFFFF, -1, 0x7F800001, 0x7FC00000], dtype=torch.int32)
    given = Products(torch.ones(1, 4, dtype=dtype), torch.ones(1), bits.view(torch.float32))
    assert rows.scale(given).isnan().all()


@pytest.mark.parametrize("extreme", [torch.inf, -torch.inf, torch.nan])
def test_what_is_not_finite_stays_so(extreme: float, dtype: torch.dtype) -> None:
    x = torch.randn(3, 64)
    x[1, 40] = extreme
    x = x.to(dtype)
    given, after = Products(x, torch.ones(3), torch.zeros(64)), norm(64)
    for levels in (rows.quantize(x), rows.normalize(x, after), rows.add_normalize(x, given, after)[1]):
        assert levels.steps.isfinite().tolist() == [True, False, True]
    assert rows.gelu(given).steps.isfinite().tolist() == [True, False, True]
    for out in (rows.scale(given), rows.add(x, given)):
        assert out.isfinite().all(dim=1).tolist() == [True, False, True]


def test_what_does_not_lie_side_by_side_is_laid_out_first(dtype: torch.dtype) -> None:
    x = torch.randn(64, 6).to(dtype).t()
    assert torch.equal(rows.quantize(x).values, rows.quantize(x.contiguous()).values)


def test_what_does_not_belong_together_is_refused(dtype: torch.dtype) -> None:
    """In C it would be read and written beyond its end."""
    good, x, after = products((4, 12), dtype), torch.randn(4, 12).to(dtype), norm(12)
    with pytest.raises(ValueError, match=r"the steps: torch.float32 \(4,\) side by side is needed"):
        Products(good.values, good.steps[:3], good.bias)
    with pytest.raises(ValueError, match=r"the bias: .* this is torch.float64"):
        Products(good.values, good.steps, good.bias.double())
    with pytest.raises(ValueError, match="the values"):
        Products(good.values.t(), torch.ones(12), torch.ones(4))
    with pytest.raises(ValueError, match=r"^x: "):
        rows.add(x[:, :11], good)
    with pytest.raises(ValueError, match=r"^x: "):
        rows.add_normalize(x.double(), good, after)
    with pytest.raises(ValueError, match="the norm's weight"):
        rows.normalize(x, norm(11))
    with pytest.raises(ValueError, match="the norm's bias"):
        rows.add_normalize(x, good, Norm(after.weight, after.bias[:5], 1e-6))
    with pytest.raises(ValueError, match="the values"):
        rows.split(good, 3, 2, 1.0, None)
    with pytest.raises(ValueError, match="the learned key and value"):
        rows.split(good, 2, 2, 1.0, torch.ones(1, 4))
