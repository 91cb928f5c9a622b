"""An installed torch loses what a CPU never loads, in its own folder."""

import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bind_image import cutting, elf, stubs
from bind_image.elf import Import, Library, Section
from bind_image.errors import Unknown

SYSTEM = re.compile(r"(ld-linux[\w-]*|lib(c|dl|gcc_s|m|pthread|rt|stdc\+\+))\.so\.\d+$")
"""The libraries that every system has on which Python packages run."""
ROOTS = ("libtorch_global_deps.so", "libshm.so")
"""The libraries of torch/lib that torch opens by their names."""
UNUSED = ("include", "share", "bin/protoc*")
"""Below torch: for compiling programs with it. Its own manager of shared memory in bin must be there."""
GPU_CODE = frozenset({".nv_fatbin", "__nv_relfatbin"})
"""The sections that hold machine code of GPUs. They are read only by the driver that it is handed to."""
FOR_DEBUGGERS = re.compile(r"\.(symtab|strtab|debug_\w+)$")

_CUDA = re.compile(r"^(cuda\b.*=) *\S+$", re.MULTILINE)


def slim(torch: Path) -> list[str]:
    """Make the folder of an installed torch small, and return what was done, in lines.

    Raises Unknown, before anything is changed, for a library or a symbol that it cannot judge.
    """
    inside = {path.name: elf.read(path) for path in sorted((torch / "lib").iterdir()) if elf.is_elf(path)}
    outside = [elf.read(path) for path in sorted(torch.rglob("*.so")) if path.parent != torch / "lib"]
    kept = needed(outside, inside)
    libraries = [*outside, *(inside[name] for name in sorted(kept))]
    foreign = nvidia(libraries, inside)
    wanted = stubs.contents(unserved(libraries, foreign, of_the_system(libraries)), foreign)
    unwanted = unused(torch)
    version = without_cuda((torch / "version.py").read_text(encoding="utf-8"))

    lines = [f"{name}: left out, nothing loads it" for name in sorted(set(inside) - kept)]
    for name in set(inside) - kept:
        inside[name].path.unlink()
    lost = {library.path.name: shorten(library.path, dead(library.sections)) for library in libraries}
    lines += [f"{name}: {size:,} bytes fewer" for name, size in lost.items() if size]
    for name, versions in wanted.items():
        stubs.build(name, versions, torch / "lib")
        lines.append(f"{name}: a stand-in with {sum(map(len, versions.values()))} functions")
    for path in unwanted:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        lines.append(f"{path.relative_to(torch)}: left out")
    (torch / "version.py").unlink()
    (torch / "version.py").write_text(version, encoding="utf-8")
    return lines


def needed(outside: Iterable[Library], inside: Mapping[str, Library]) -> set[str]:
    """Return which libraries of torch/lib are loaded: by torch itself, by its modules, or by one another."""
    queue = [*ROOTS, *(name for library in outside for name in library.needed)]
    found: set[str] = set()
    while queue:
        name = queue.pop()
        if name in inside and name not in found:
            found.add(name)
            queue += inside[name].needed
    return found


def nvidia(libraries: Iterable[Library], inside: Collection[str]) -> list[str]:
    """Return the libraries of NVIDIA's that these need. Raises Unknown for strange ones."""
    found = set()
    for library in libraries:
        for name in library.needed:
            if name in inside or SYSTEM.match(name):
                continue
            if not stubs.is_known(name):
                raise Unknown(
                    f"{library.path.name} needs {name}, which is neither torch's nor the system's, nor a "
                    "library of NVIDIA's that is known; see PREFIXES of stubs.py and SYSTEM of slim.py"
                )
            found.add(name)
    return sorted(found)


def of_the_system(libraries: Iterable[Library]) -> frozenset[str]:
    """Return what the libraries of the system define that these need. Raises Unknown for a missing one."""
    names = {name for library in libraries for name in library.needed if SYSTEM.match(name)}
    return frozenset[str]().union(*(elf.read(stubs.path_of(name)).defined for name in names))


def unserved(
    libraries: Collection[Library], foreign: Collection[str], system: frozenset[str]
) -> Iterator[Import]:
    """Yield what these import from the libraries that are stood in for, each once.

    system: what the libraries of the system define. Some of it is imported without a version, because one of
    NVIDIA's libraries had it too when torch was linked.
    """
    defined = system.union(*(library.defined for library in libraries))
    seen: set[Import] = set()
    for wanted in (one for library in libraries for one in library.imports):
        if wanted in seen:
            continue
        seen.add(wanted)
        anywhere = not wanted.file and not wanted.version and wanted.name not in defined
        if wanted.file in foreign or (anywhere and not wanted.name.startswith(("Py", "_Py"))):
            yield wanted


def dead(sections: Iterable[Section]) -> list[Section]:
    """Return the sections whose bytes nobody reads, in the order of the file."""
    found = [
        section
        for section in sections
        if section.name in GPU_CODE or (not section.is_loaded and FOR_DEBUGGERS.match(section.name))
    ]
    return sorted(found, key=lambda section: section.offset)


def shorten(path: Path, sections: Sequence[Section]) -> int:
    """Replace a file by one without these sections, and return how many bytes it lost. Raises Unknown.

    Not in place: like all files of torch it may be a link to one in the installer's cache.
    """
    whole = path.read_bytes()
    made = cutting.cut(whole, sections)
    if len(made) == len(whole):
        return 0
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(made)
    shutil.copymode(path, new)
    new.replace(path)
    return len(whole) - len(made)


def unused(torch: Path) -> list[Path]:
    """Return the files and folders that serve no import. Raises Unknown where there is none of a kind."""
    found = []
    for pattern in UNUSED:
        there = sorted(torch.glob(pattern))
        if not there:
            raise Unknown(f"there is no torch/{pattern} any more; see UNUSED of slim.py")
        found += there
    return found


def without_cuda(version: str) -> str:
    """Return torch's version.py as that of a build without CUDA, by which programs tell. Raises Unknown."""
    text, count = _CUDA.subn(r"\1 None", version)
    if count != 1:
        raise Unknown("torch/version.py has no line `cuda = …` any more; see without_cuda of slim.py")
    return text
