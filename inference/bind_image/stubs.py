"""Stands in for NVIDIA's libraries: small ones of their names, in which no function finds a card.

torch's libraries are linked to NVIDIA's and do not load without them. On a CPU only few of their functions
are called, and those to learn that there is no card.
"""

import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from bind_image.elf import Import
from bind_image.errors import Unknown

PREFIXES = {
    "libcublas": "cublas",
    "libcublasLt": "cublasLt",
    "libcudart": "cuda",
    "libcudnn": "cudnn",
    "libcufft": "cufft",
    "libcufile": "cuFile",
    "libcupti": "cupti",
    "libcurand": "curand",
    "libcusolver": "cusolver",
    "libcusparse": "cusparse",
    "libcusparseLt": "cusparseLt",
    "libnccl": "nccl",
    "libnvrtc": "nvrtc",
    "libnvshmem_host": "nvshmem",
}
"""NVIDIA's libraries that can be stood in for, and how the names begin that they define."""

NO_DEVICE = 100
"""It is cudaErrorNoDevice; to the other libraries it is some error."""

HEAD = f"""\
#define CODE(name) long name(void) {{ return {NO_DEVICE}; }}
#define TEXT(name) const char *name(void) {{ return "this torch has no CUDA"; }}
"""
_TEXT = re.compile(r"(Error|Status|Result)(String|Name)$|^ncclGetLastError$|get_error_string$")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")

Versions = Mapping[str, Collection[str]]
"""The names that a library has to define, by their version; "" where they have none."""


def stem(library: str) -> str:
    """Return the name of a library's file without its version: libcudart of libcudart.so.13."""
    return library.partition(".so")[0]


def is_known(library: str) -> bool:
    """Say whether a library can be stood in for."""
    return stem(library) in PREFIXES


def owner(name: str, libraries: Iterable[str]) -> str | None:
    """Return the one of these libraries that defines a symbol, by its name; None if none does."""
    plain = name.lstrip("_")
    found = [library for library in libraries if plain.startswith(PREFIXES[stem(library)])]
    return max(found, key=lambda library: len(PREFIXES[stem(library)]), default=None)


def contents(imports: Iterable[Import], libraries: Collection[str]) -> dict[str, dict[str, set[str]]]:
    """Return what each of these libraries has to define for these imports. Raises Unknown.

    imports: those alone that no other library serves.
    """
    found: dict[str, dict[str, set[str]]] = {library: defaultdict(set) for library in libraries}
    for wanted in imports:
        library = wanted.file or owner(wanted.name, libraries)
        if library is None:
            if wanted.is_weak:
                continue
            raise Unknown(
                f"the symbol {wanted.name} is of no library that is known; see PREFIXES of stubs.py"
            )
        if wanted.is_data:
            raise Unknown(f"{wanted.name} of {library} is data, and only functions can be stood in for")
        if not _IDENTIFIER.fullmatch(wanted.name):
            raise Unknown(f"{wanted.name} of {library} is no name that C can define")
        found[library][wanted.version].add(wanted.name)
    return found


def source(versions: Versions) -> str:
    """Return the library in C."""
    names = sorted({name for names in versions.values() for name in names})
    return HEAD + "".join(f"{'TEXT' if _TEXT.search(name) else 'CODE'}({name})\n" for name in names)


def script(versions: Versions) -> str:
    """Return the linker's version script; "" for a library without versions."""
    # What is asked for without a version is content with any.
    named = {version: set(names) for version, names in versions.items() if version}
    if not named:
        return ""
    first = min(named)
    named[first] |= set(versions.get("", ()))
    blocks = []
    for version, names in sorted(named.items()):
        rest = " local: *;" if version == first else ""
        blocks.append(f"{version} {{ global: {' '.join(f'{name};' for name in sorted(names))}{rest} }};\n")
    return "".join(blocks)


def path_of(library: str) -> Path:
    """Return where the compiler finds a library of the system. Raises Unknown where it does not."""
    command = ["gcc", f"-print-file-name={library}"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if shown == library:
        raise Unknown(f"there is no {library} here, which torch needs")
    return Path(shown)


def build(library: str, versions: Versions, folder: Path) -> Path:
    """Compile a library into `folder`, and return its path. Raises Unknown with what the compiler said."""
    made = folder / library
    with tempfile.TemporaryDirectory() as scratch:
        code, versioned = Path(scratch, "stub.c"), Path(scratch, "stub.map")
        code.write_text(source(versions), encoding="utf-8")
        versioned.write_text(script(versions), encoding="utf-8")
        done = subprocess.run(
            [
                *("gcc", "-shared", "-fPIC", "-O1", "-s", "-fno-builtin", "-nostdlib"),
                *("-Wl,-soname," + library, "-Wl,-z,noexecstack"),
                *([f"-Wl,--version-script={versioned}"] if script(versions) else []),
                *("-o", made, code),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise Unknown(f"the stand-in for {library} cannot be compiled: {done.stderr.strip()}")
    return made
