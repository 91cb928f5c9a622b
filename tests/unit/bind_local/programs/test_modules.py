"""Keys of built programs: they change with what is built, and with nothing else."""

from pathlib import Path

import pytest

from bind_local.errors import LocalError
from bind_local.paths import Paths
from bind_local.programs import modules
from bind_local.programs.modules import (
    KUBERNETES,
    OLDER_WEAVIATES,
    PIPELINE_MODULES,
    WEAVIATE,
    WEAVIATES,
    Module,
    digest,
    pinned_version,
    program,
)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Module:
    monkeypatch.setattr(modules, "LOCAL", tmp_path)
    folder = tmp_path / "go" / "thing"
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text("module x\n\nrequire (\n\texample.org/thing v1.2.3 // indirect\n)\n")
    (folder / "go.sum").write_text("sums\n")
    return Module("thing", "example.org/thing", ("thing", "thingctl"))


@pytest.mark.parametrize("name", ["go.mod", "go.sum"])
def test_a_changed_pin_changes_the_key(module: Module, name: str) -> None:
    before = module.key()
    file = module.folder / name
    file.write_text(file.read_text() + "\n")
    assert module.key() != before


def test_a_changed_source_changes_the_key_and_a_note_does_not(module: Module) -> None:
    before = module.key()
    (module.folder / "README").write_text("hello")
    assert module.key() == before
    (module.folder / "main.go").write_text("package main")
    assert module.key() != before


def test_changed_flags_change_the_key(module: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    before = module.key()
    monkeypatch.setattr(modules, "BUILD_FLAGS", ("-race",))
    assert module.key() != before


def test_the_border_between_contents_counts() -> None:
    assert digest([b"ab", b"c"], []) != digest([b"a", b"bc"], [])
    assert digest([b"a"], ["b"]) == digest([b"a", b"b"], [])


@pytest.mark.parametrize(
    "text",
    ["require k8s.io/x v1.35.4\n", "require (\n\tk8s.io/x v1.35.4\n)\n", "\tk8s.io/x v1.35.4 // indirect\n"],
)
def test_the_version_is_read_wherever_go_mod_has_it(text: str) -> None:
    assert pinned_version(text, "k8s.io/x") == "1.35.4"


def test_a_replace_or_a_longer_name_is_no_pin() -> None:
    with pytest.raises(LocalError, match=r"no version of k8s\.io/x"):
        pinned_version("replace k8s.io/x => k8s.io/x v0.1.0\n\tk8s.io/xy v1.0.0\n", "k8s.io/x")


def test_every_module_of_the_checkout_is_pinned() -> None:
    assert KUBERNETES.version() == "1.35.4"
    for module in PIPELINE_MODULES:
        assert (module.folder / "go.mod").is_file()
        assert bool(module.version()) == bool(module.pinned)


def test_an_unbuilt_program_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="kubectl is not built") as raised:
        program(Paths(tmp_path), "kubectl")
    assert raised.value.remedy == "run `make binaries`"


def test_the_versions_of_weaviate_follow_one_another() -> None:
    """An upgrade goes up by one minor version at a time, so that none may be missing."""
    minors = [tuple(map(int, module.version().split(".")[:2])) for module in WEAVIATES]
    assert minors == [(1, number) for number in range(minors[0][1], minors[-1][1] + 1)]
    assert [module.name for module in OLDER_WEAVIATES] == [f"weaviate-1.{minor}" for _, minor in minors[:-1]]


def test_a_program_of_several_modules_is_the_default_s_or_the_one_that_is_named(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    older = OLDER_WEAVIATES[-1]
    for module in (WEAVIATE, older):
        module.home(paths).mkdir(parents=True)
        (module.home(paths) / "weaviate-server").touch()
    assert program(paths, "weaviate-server").parent == WEAVIATE.home(paths)
    assert program(paths, f"{older.name}/weaviate-server").parent == older.home(paths)
    with pytest.raises(LocalError, match="not built") as raised:
        program(paths, f"{OLDER_WEAVIATES[0].name}/weaviate-server")
    assert raised.value.remedy.endswith(f"bind_local binaries {OLDER_WEAVIATES[0].name}`")


def test_an_unknown_program_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="no program 'docker'") as raised:
        program(Paths(tmp_path), "docker")
    assert "helm, kube-apiserver" in raised.value.remedy
