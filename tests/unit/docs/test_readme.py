"""What the README repeats from elsewhere is the same there, word for word."""

import re
from pathlib import Path

import pytest
import yaml

from bind_local import preflight
from bind_local.disk import about, amount
from bind_local.programs.modules import WEAVIATES
from bind_operator.api import parse_resource

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BENCHMARKS = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
SNIPPETS = ROOT / "docs" / "snippets"
TYPES = re.compile(r"\bas [A-Z]|\w: (string|number|boolean|any|unknown)\b|\binterface \w|<[A-Z]\w*>")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("language", "file"), [("python", "first_search.py"), ("ts", "first_search.ts")])
def test_a_program_is_the_file_that_the_tests_run(language: str, file: str) -> None:
    assert blocks(language) == [(SNIPPETS / file).read_text(encoding="utf-8")]


@pytest.mark.parametrize("file", sorted(SNIPPETS.glob("first_search.*")), ids=lambda path: path.name)
def test_a_program_is_short(file: Path) -> None:
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len([line for line in lines if not line.startswith(("import ", "from "))]) <= 16


def test_the_typescript_program_is_javascript_too() -> None:
    """The end-to-end test runs it on Node 20, which reads no types."""
    assert not TYPES.search((SNIPPETS / "first_search.ts").read_text(encoding="utf-8"))


def test_the_resource_is_the_sample_that_the_command_applies() -> None:
    (block,) = blocks("yaml")
    assert "kubectl apply -f manifests/samples/minimal.yaml" in README
    sample = (ROOT / "manifests" / "samples" / "minimal.yaml").read_text(encoding="utf-8")
    assert parse_resource(yaml.safe_load(block)) == parse_resource(yaml.safe_load(sample))
    assert "svc/minimal-weaviate " in README


def test_the_ratios_are_rows_of_the_benchmarks() -> None:
    rows = [line for line in README.splitlines() if re.match(r"\| \w+ x8 \|", line)]
    assert len(rows) == 3
    assert set(rows) <= set(BENCHMARKS.splitlines())


def test_memory_and_start_are_those_of_the_benchmarks() -> None:
    """By server: the table of the benchmarks has a row for each, the README's a column."""
    measured = dict(
        re.findall(
            r"^\| (peer|float32|bfloat16|int8) \| ([\d.]+) \| [\d.]+ \| [\d.]+ \|",
            BENCHMARKS.partition("<!-- without AMX: the end -->")[0],
            re.MULTILINE,
        )
    )
    (memory,) = re.findall(r"^\| memory of an inference pod, GiB (.*)\|$", README, re.MULTILINE)
    assert [cell.strip() for cell in memory.strip("| ").split("|")] == [
        measured[server] for server in ("float32", "bfloat16", "int8", "peer")
    ]


def test_the_tested_versions_are_the_pinned_ones() -> None:
    def pinned(module: str, name: str) -> str:
        text = (ROOT / "local" / "go" / module / "go.mod").read_text(encoding="utf-8")
        found = re.search(rf"{re.escape(name)} v(\S+)", text)
        assert found is not None
        return found.group(1)

    assert f"tested on {pinned('kubernetes', 'k8s.io/kubernetes')} " in README
    assert f"containerd {pinned('containerd', 'github.com/containerd/containerd/v2')}." in README
    minors = [module.version().rpartition(".")[0] for module in WEAVIATES]
    assert f"each minor version from {minors[0]} to {minors[-1]} is [tested]" in README
    assert f", {pinned('weaviate', 'github.com/weaviate/weaviate')} by default;" in README


def test_the_licence_comes_before_the_first_resource() -> None:
    assert README.index("CC BY-NC-SA 4.0") < README.index("## Two commands") < README.index("```yaml")


def test_disk_and_time_are_what_the_commands_announce() -> None:
    cache = preflight.PROGRAM_BYTES + preflight.IMAGE_BYTES
    go = preflight.GO_MODULES_BYTES + preflight.GO_BUILD_BYTES
    whole = cache + go + preflight.PYTHON_BYTES + preflight.SCRATCH_BYTES
    minutes = preflight.PROGRAM_MINUTES + preflight.PYTHON_MINUTES + preflight.IMAGE_MINUTES
    assert f"({amount(whole)} and {about(minutes)} from nothing)" in README
    assert f"or `$BIND_CACHE`, about {amount(cache)})" in README
    local = (ROOT / "local" / "README.md").read_text(encoding="utf-8")
    assert f"comes to about {amount(cache)};" in local
    assert f"Go keeps {amount(go)} in caches of its own" in local
