"""Do what lies between two products of 8-bit integers, in one pass over each row.

Rows are float32 or bfloat16 and lie on a CPU; everything is computed in float32. Each row is computed by
itself, so that an item's vector is the same whatever else is in the batch. What is not finite stays so.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from bind_inference.kernels.library import open_library

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MIDDLE: Final = 128
"""The level that stands for zero."""
_NAMES: Final = {torch.bfloat16: "bfloat16", torch.float32: "float32"}


@dataclass(frozen=True)
class Levels:
    """Rows as integers: `steps` times the number of levels above the middle.

    Unsigned, because oneDNN's product of signed ones is a thousand times slower on processors without AMX.
    """

    values: Tensor
    """uint8 [rows, columns]"""
    steps: Tensor
    """float32 [rows]: the greatest absolute value of each row is 127 of them."""


@dataclass(frozen=True)
class Products:
    """Rows of products of levels: `values` times `steps`, plus `bias`."""

    values: Tensor
    """float32 or bfloat16 [rows, columns]"""
    steps: Tensor
    """float32 [rows]"""
    bias: Tensor
    """float32 [columns]"""

    def __post_init__(self) -> None:
        rows, columns = self.values.shape
        _check("the values", self.values, (rows, columns), self.values.dtype)
        _check("the steps", self.steps, (rows,), torch.float32)
        _check("the bias", self.bias, (columns,), torch.float32)


@dataclass(frozen=True)
class Norm:
    """A layer norm (Ba et al., 2016) over columns."""

    weight: Tensor
    """float32 [columns]"""
    bias: Tensor
    """float32 [columns]"""
    epsilon: float


def quantize(x: Tensor) -> Levels:
    """Return x [rows, columns] as levels."""
    x = x.contiguous()
    levels = _levels(*x.shape)
    _call("quantize_rows", x.dtype, x.shape, x, levels.values, levels.steps)
    return levels


def normalize(x: Tensor, norm: Norm) -> Levels:
    """Return x [rows, columns] normalised, as levels."""
    x = x.contiguous()
    _check_norm(norm, x.shape[1])
    levels = _levels(*x.shape)
    _call("normalize_quantize_rows", x.dtype, x.shape, x, *_of(norm), levels.values, levels.steps)
    return levels


def gelu(products: Products) -> Levels:
    """Return the exact (erf) GELU of products [rows, columns], as levels."""
    levels = _levels(*products.values.shape)
    _call(
        "gelu_quantize_rows",
        products.values.dtype,
        products.values.shape,
        *_parts(products),
        levels.values,
        levels.steps,
    )
    return levels


def scale(products: Products) -> Tensor:
    """Return products [rows, columns] as numbers of their values' type."""
    out = torch.empty_like(products.values)
    _call("scale_rows", products.values.dtype, products.values.shape, *_parts(products), out)
    return out


def add(x: Tensor, products: Products) -> Tensor:
    """Return x + products, [rows, columns] of their type."""
    x = x.contiguous()
    _check("x", x, products.values.shape, products.values.dtype)
    out = torch.empty_like(x)
    _call("add_rows", x.dtype, x.shape, x, *_parts(products), out)
    return out


def add_normalize(x: Tensor, products: Products, norm: Norm) -> tuple[Tensor, Levels]:
    """Return x + products, [rows, columns] of their type, and the same normalised, as levels."""
    x = x.contiguous()
    _check("x", x, products.values.shape, products.values.dtype)
    _check_norm(norm, x.shape[1])
    out, levels = torch.empty_like(x), _levels(*x.shape)
    results = (out, *_of(norm), levels.values, levels.steps)
    _call("add_normalize_quantize_rows", x.dtype, x.shape, x, *_parts(products), *results)
    return out, levels


def split(
    products: Products, items: int, heads: int, query_scale: float, learned: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the queries times `query_scale`, keys and values of products [items * tokens, 3 heads * width].

    Each is [items, heads, tokens, width] of their values' type. learned: float32 [2, heads * width], one key
    and one value more for every item, which then come last.
    """
    tokens, width = len(products.values) // items, products.values.shape[1] // 3 // heads
    _check("the values", products.values, (items * tokens, 3 * heads * width), products.values.dtype)
    if learned is not None:
        _check("the learned key and value", learned, (2, heads * width), torch.float32)
    query = products.values.new_empty(items, heads, tokens, width)
    key = products.values.new_empty(items, heads, tokens + (learned is not None), width)
    value = torch.empty_like(key)
    results = (query, key, value)
    sizes = (items, tokens, heads, width)
    _call("split_rows", query.dtype, sizes, *_parts(products), query_scale, learned, *results)
    return results


def join(x: Tensor) -> Levels:
    """Return x [items, heads, tokens, width] as levels of rows [items * tokens, heads * width]."""
    items, heads, tokens, width = x.shape
    levels = _levels(items * tokens, heads * width)
    _call(
        "join_quantize_rows",
        x.dtype,
        (items, tokens, heads, width),
        x.contiguous(),
        levels.values,
        levels.steps,
    )
    return levels


def _check(name: str, tensor: Tensor, shape: Sequence[int], dtype: torch.dtype) -> None:
    """Raise ValueError unless a kernel, which knows addresses only, can take `tensor`."""
    if tensor.dtype is not dtype or tuple(tensor.shape) != tuple(shape) or not tensor.is_contiguous():
        found = f"{tensor.dtype} {tuple(tensor.shape)}"
        raise ValueError(f"{name}: {dtype} {tuple(shape)} side by side is needed, this is {found}")


def _check_norm(norm: Norm, columns: int) -> None:
    _check("the norm's weight", norm.weight, (columns,), torch.float32)
    _check("the norm's bias", norm.bias, (columns,), torch.float32)


def _parts(products: Products) -> tuple[Tensor, Tensor, Tensor]:
    return products.values, products.steps, products.bias


def _of(norm: Norm) -> tuple[Tensor, Tensor, float]:
    return norm.weight, norm.bias, norm.epsilon


def _levels(rows: int, columns: int) -> Levels:
    return Levels(torch.empty(rows, columns, dtype=torch.uint8), torch.empty(rows))


def _call(name: str, dtype: torch.dtype, sizes: Sequence[int], *arguments: Tensor | float | None) -> None:
    """Call a kernel for numbers of `dtype` with addresses of tensors, none or numbers, then sizes."""
    function = _function(
        f"{name}_{_NAMES[dtype]}", tuple(isinstance(a, float) for a in arguments), len(sizes)
    )
    function(*(a.data_ptr() if isinstance(a, Tensor) else a for a in arguments), *sizes)


@cache
def _function(name: str, floats: tuple[bool, ...], sizes: int) -> Callable[..., None]:
    function = open_library()[name]
    arguments = [ctypes.c_float if is_float else ctypes.c_void_p for is_float in floats]
    function.argtypes = [*arguments, *[ctypes.c_long] * sizes]
    function.restype = None
    return function
