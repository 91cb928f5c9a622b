"""The sources keep the form that CONTRIBUTING.md describes: short files, docstrings that are sentences."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bind_local.checks import PACKAGES

ROOT = Path(__file__).parents[2]
TOPS = ("charts", "docs", "inference", "local", "operator", "tests")
SUFFIXES = {".c", ".go", ".h", ".j2", ".mjs", ".py", ".sh", ".tpl", ".ts"}
FOREIGN = {"__pycache__", "build", "node_modules"}
MOST_LINES = 400
FRAGMENTS = {"From", "How", "Of", "What", "When", "Where", "Whether", "Which", "Who", "Whose", "Why"}
"""A docstring that begins with one of these is half a sentence: say the other half too, or name the thing."""
LOWER_CASE = {"buildah", "containerd", "espeak-ng", "kopf", "kubeadm", "kwok", "rich", "torch", "uvicorn"}


def sources() -> Iterator[Path]:
    """Yield the files of the checkout that people write; git need not be there, nor anything be built."""
    for top in TOPS:
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in SUFFIXES and not FOREIGN.intersection(path.parts) and path.is_file():
                yield path.relative_to(ROOT)


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    """Yield each docstring of a module with the line of what it describes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield getattr(node, "lineno", 1), text


def fault(docstring: str) -> str | None:
    """Return what keeps the first paragraph of a docstring from being a sentence."""
    summary = " ".join(docstring.partition("\n\n")[0].split())
    first = summary.split()[0].rstrip(",:;")
    if first in FRAGMENTS:
        return f"begins with {first}"
    if summary[0].islower() and first.removesuffix("'s") not in LOWER_CASE:
        return "begins without a capital"
    return None if summary.endswith((".", ":")) else "ends without a stop"


def test_no_file_is_longer_than_a_person_reads() -> None:
    counted = {str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert len(counted) > 300
    long = {path: lines for path, lines in counted.items() if lines > MOST_LINES}
    assert long == {}, "there is a second file inside"


@pytest.mark.parametrize("folder", [*PACKAGES, "tests/support"])
def test_every_docstring_is_a_sentence(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    faults = [
        f"{file.relative_to(ROOT)}:{line} {why}: {text.splitlines()[0]}"
        for file in files
        for line, text in docstrings(file.read_text(encoding="utf-8"))
        if (why := fault(text))
    ]
    assert faults == []


@pytest.mark.parametrize(
    ("docstring", "why"),
    [
        ("Of images.", "begins with Of"),
        ("Whose body it is.", "begins with Whose"),
        ("path: None keeps nothing.", "begins without a capital"),
        ("Return the key: textVectors, imageVectors …", "ends without a stop"),
        ("Return a sum\nof two. Raises nothing.\n\nand more", None),
        ("containerd's folder of images.", None),
        ("`python -m bind_gpu`: measure the engine.", None),
        ("Return one of these:\n\n- a list", None),
    ],
)
def test_a_fragment_is_told_from_a_sentence(docstring: str, why: str | None) -> None:
    assert fault(docstring) == why


def test_unit_tests_stand_in_the_folders_of_what_they_test() -> None:
    tests = ROOT / "tests/unit"
    modules = [
        path.relative_to(tests).parent
        for folder in PACKAGES
        for path in tests.glob(f"{Path(folder).name}/**/*.py")
    ]
    assert modules
    of = {Path(folder).name: ROOT / Path(folder).parent for folder in PACKAGES}
    stray = {str(folder) for folder in modules if not (of[folder.parts[0]] / folder).is_dir()}
    assert stray == set(), "tests/unit mirrors the packages, folder for folder"
