"""The libraries that stand in for NVIDIA's: what each defines, and under which version."""

import pytest

from bind_image import stubs
from bind_image.elf import Import
from bind_image.errors import Unknown

LIBRARIES = ["libcublas.so.13", "libcublasLt.so.13", "libcudart.so.13", "libcusparse.so.12"]


@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("cublasGemmEx", "libcublas.so.13"),
        ("cublasLtMatmul", "libcublasLt.so.13"),
        ("__cudaRegisterFatBinary", "libcudart.so.13"),
        ("cusparseCreate", "libcusparse.so.12"),
        ("ncclCommAbort", None),
        ("strange", None),
    ],
)
def test_the_name_of_a_symbol_tells_its_library(name: str, library: str | None) -> None:
    assert stubs.owner(name, LIBRARIES) == library


def test_a_symbol_goes_to_the_library_that_its_version_names() -> None:
    wanted = [Import("cudaFree", "libcudart.so.13", "V"), Import("odd", "libcublas.so.13", "W")]
    found = stubs.contents([*wanted, Import("cublasGemmEx"), Import("gone", is_weak=True)], LIBRARIES)
    assert found["libcudart.so.13"] == {"V": {"cudaFree"}}
    assert found["libcublas.so.13"] == {"W": {"odd"}, "": {"cublasGemmEx"}}
    assert found["libcublasLt.so.13"] == {}


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (Import("strange"), "the symbol strange is of no library that is known"),
        (Import("cudaTable", "libcudart.so.13", "V", is_data=True), "cudaTable of libcudart.so.13 is data"),
        (Import("cuda.part.0"), r"cuda.part.0 of libcudart.so.13 is no name that C can define"),
    ],
)
def test_what_cannot_be_stood_in_for_is_named(one: Import, message: str) -> None:
    with pytest.raises(Unknown, match=message):
        stubs.contents([one], LIBRARIES)


def test_texts_are_texts_and_all_else_says_that_there_is_no_device() -> None:
    code = stubs.source(
        {"": {"cudaGetErrorString", "cudaGetLastError", "ncclGetLastError", "cublasGetStatusName"}}
    )
    assert "TEXT(cudaGetErrorString)" in code
    assert "CODE(cudaGetLastError)" in code
    assert "TEXT(ncclGetLastError)" in code
    assert "TEXT(cublasGetStatusName)" in code
    assert "return 100;" in code


def test_a_version_script_names_each_version_and_hides_the_rest() -> None:
    assert stubs.script({"": {"a"}}) == ""
    assert stubs.script({"V1": {"b", "a"}, "V2": {"c"}, "": {"d"}}) == (
        "V1 { global: a; b; d; local: *; };\nV2 { global: c; };\n"
    )
