"""A torch of small libraries loses what no CPU loads; what is not known is named before anything is lost."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bind_image import elf
from bind_image.elf import Import, Library, Section
from bind_image.errors import Unknown
from bind_image.slim import dead, needed, nvidia, slim, unserved, without_cuda
from support.small_torch import GPU_CODE, VERSION, compile_library, small_torch

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")


def library(name: str, **facts: object) -> Library:
    return Library(Path(name), **facts)  # type: ignore[arg-type]


FOUND = """
import ctypes, os, sys
it = ctypes.CDLL(sys.argv[1], os.RTLD_NOW)
it.said.restype = ctypes.c_char_p
print(it.found(), it.said().decode())
"""


def ask(torch: Path) -> str:
    """Return what a process of its own is told: in this one a real torch may be loaded, and that stays."""
    command = [sys.executable, "-c", FOUND, str(torch / "_C.so")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout or done.stderr


@needs_gcc
def test_what_is_left_loads_with_all_symbols_and_finds_no_card(tmp_path: Path) -> None:
    torch = small_torch(tmp_path)
    assert "cannot open shared object file" in ask(torch)
    told = "\n".join(slim(torch))
    assert ask(torch) == "100 this torch has no CUDA\n"
    assert "libcudart.so.13: a stand-in with 2 functions" in told
    assert "libcublas.so.13: a stand-in with 1 functions" in told


@needs_gcc
def test_code_of_gpus_and_what_nothing_needs_are_gone(tmp_path: Path) -> None:
    torch = small_torch(tmp_path)
    before = (torch / "lib/libtorch_cuda.so").stat()
    kept = tmp_path / "kept-by-the-installer"
    shutil.copytree(torch, kept, copy_function=os.link)
    slim(torch)
    data = (torch / "lib/libtorch_cuda.so").read_bytes()
    assert len(data) < before.st_size - 60_000
    assert b"\xc9" * 8192 not in data, "more than what shares its pages with something else"
    assert b"\xc9" * 65536 in (kept / "lib/libtorch_cuda.so").read_bytes(), (
        "a link of the file was written to"
    )
    assert (kept / "version.py").read_text() == VERSION
    assert (torch / "lib/libtorch_cuda.so").stat().st_mode == before.st_mode
    left = {str(path.relative_to(torch)) for path in torch.rglob("*") if path.is_file()}
    assert left == {
        "_C.so",
        "bin/torch_shm_manager",
        "version.py",
        *(f"lib/lib{name}" for name in ("torch_cuda.so", "torch_global_deps.so", "shm.so")),
        *(f"lib/lib{name}.so.13" for name in ("cudart", "cublas")),
    }
    assert "cuda: Optional[str] = None" in (torch / "version.py").read_text()


@needs_gcc
@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "extern int strange(void); int x(void) { return strange(); }",
            "the symbol strange is of no library",
        ),
        ("extern int unasked; int *x(void) { return &unasked; }", "unasked of libcudart.so.13 is data"),
    ],
)
def test_a_symbol_that_cannot_be_stood_in_for_is_named_and_nothing_is_changed(
    tmp_path: Path, code: str, message: str
) -> None:
    torch = small_torch(tmp_path, gpu_code=GPU_CODE + code)
    before = {path: path.read_bytes() for path in torch.rglob("*") if path.is_file()}
    with pytest.raises(Unknown, match=message):
        slim(torch)
    assert {path: path.read_bytes() for path in torch.rglob("*") if path.is_file()} == before


@needs_gcc
def test_a_library_says_where_its_symbols_come_from(tmp_path: Path) -> None:
    runtime = compile_library(tmp_path / "libcudart.so.13", "int cudaFree;", script="V1 { global: *; };")
    other = compile_library(tmp_path / "libx.so", "int x;")
    weak = "extern int maybe __attribute__((weak));"
    code = f"extern int cudaFree, x; {weak} int a(void) {{ return cudaFree + x + maybe; }}"
    found = elf.read(compile_library(tmp_path / "liba.so", code, runtime, other))
    assert {"libcudart.so.13", "libx.so"} <= set(found.needed)
    assert Import("cudaFree", "libcudart.so.13", "V1", is_data=True) in found.imports
    assert any(one.name == "x" and not one.file for one in found.imports)
    assert any(one.name == "maybe" and one.is_weak for one in found.imports)
    assert "a" in found.defined
    assert any(section.name == ".symtab" and not section.is_loaded for section in found.sections)


def test_what_is_loaded_is_followed_through_all_libraries() -> None:
    inside = {
        "libtorch.so": library("libtorch.so", needed=("libtorch_cpu.so", "libc.so.6")),
        "libtorch_cpu.so": library("libtorch_cpu.so", needed=("libtorch.so",)),
        "libtorch_extra.so": library("libtorch_extra.so", needed=("libtorch.so",)),
        "libshm.so": library("libshm.so"),
    }
    outside = [library("_C.so", needed=("libtorch.so",))]
    assert needed(outside, inside) == {"libtorch.so", "libtorch_cpu.so", "libshm.so"}


def test_a_library_that_nobody_knows_is_named() -> None:
    one = library(
        "libtorch_cuda.so", needed=("libc.so.6", "libtorch_cpu.so", "libcufft.so.12", "libnvfoo.so.1")
    )
    with pytest.raises(Unknown, match=r"libtorch_cuda.so needs libnvfoo.so.1"):
        nvidia([one], {"libtorch_cpu.so"})
    known = library("libtorch_cuda.so", needed=("libstdc++.so.6", "ld-linux-x86-64.so.2", "libcufft.so.12"))
    assert nvidia([known], ()) == ["libcufft.so.12"]


def test_symbols_of_python_of_the_system_and_of_torch_need_no_stand_in() -> None:
    imports = (
        Import("PyList_New"),
        Import("_Py_NoneStruct", is_data=True),
        Import("malloc", "libc.so.6", "GLIBC_2.2.5"),
        Import("at_add"),
        Import("pthread_create"),
        Import("cudaFree", "libcudart.so.13", "libcudart.so.13"),
        Import("cublasCreate_v2"),
    )
    both = [library("a", imports=imports), library("b", imports=imports, defined=frozenset({"at_add"}))]
    found = list(unserved(both, ["libcudart.so.13", "libcublas.so.13"], frozenset({"pthread_create"})))
    assert [one.name for one in found] == ["cudaFree", "cublasCreate_v2"]


def test_only_what_nobody_reads_goes() -> None:
    sections = [
        Section(".strtab", 900, 50, is_loaded=False),
        Section(".nv_fatbin", 100, 50, is_loaded=True),
        Section(".nvFatBinSegment", 200, 50, is_loaded=True),
        Section(".shstrtab", 300, 50, is_loaded=False),
        Section(".dynsym", 400, 50, is_loaded=True),
        Section(".debug_info", 500, 50, is_loaded=False),
    ]
    assert [section.name for section in dead(sections)] == [".nv_fatbin", ".debug_info", ".strtab"]


def test_a_version_file_of_another_form_is_named() -> None:
    assert "\ncuda: Optional[str] = None\n" in without_cuda(VERSION)
    assert without_cuda("cuda = '14.0'\n") == "cuda = None\n"
    with pytest.raises(Unknown, match=r"no line `cuda = …`"):
        without_cuda("hip = None\n")
