"""Every copy of the version is that of pyproject.toml, and a place that has moved is missed."""

import re
from pathlib import Path

import pytest

from bind_local.errors import LocalError
from bind_local.programs.modules import WEAVIATE
from bind_release.cli import texts
from bind_release.version import COPIES, WEAVIATE_COPIES, Place, current, parsed, updates

ROOT = Path(__file__).parents[3]
IMAGE = re.compile(r"bindvectorizer/bind-(?:operator|inference):(\w[\w.-]*?)(?:-cpu)?(?![\w.-])")


def checkout(pattern: str) -> dict[str, str]:
    return texts(ROOT, pattern)


@pytest.fixture(scope="module")
def version() -> str:
    return current((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("copy", COPIES, ids=lambda copy: f"{copy.files} {copy.expression}")
def test_a_copy_is_the_version(copy: Place, version: str) -> None:
    found = {(path, said) for path, text in checkout(copy.files).items() for said in copy.found(text)}
    assert {said for _, said in found} == {version}, f"run `make generate`: {found}"


@pytest.mark.parametrize("copy", WEAVIATE_COPIES, ids=lambda copy: f"{copy.files} {copy.expression}")
def test_a_copy_of_weaviate_s_version_is_the_pin(copy: Place) -> None:
    found = {said for text in checkout(copy.files).values() for said in copy.found(text)}
    assert found == {WEAVIATE.version()}, "run `make generate`"


def test_another_weaviate_reaches_each_copy_and_nothing_else() -> None:
    changed = updates(checkout, "7.8.9", WEAVIATE_COPIES)
    assert set(changed) == {copy.files for copy in WEAVIATE_COPIES}
    for path, text in changed.items():
        assert text.replace("7.8.9", WEAVIATE.version()) == (ROOT / path).read_text(encoding="utf-8")


def test_what_is_read_at_run_time_is_the_version(version: str) -> None:
    import bind_inference
    import bind_operator
    from bind_local.images import catalog
    from bind_operator.settings import Images

    assert {bind_operator.__version__, bind_inference.__version__, catalog.VERSION} == {version}
    inference = Images().inference
    assert inference.for_device(has_gpu=True).tag == version
    assert inference.for_device(has_gpu=False).tag == f"{version}-cpu"


def test_every_image_of_ours_that_a_page_or_manifest_names_is_of_the_version(version: str) -> None:
    patterns = ("*.md", "docs/**/*.md", "manifests/**/*.yaml", "charts/**/*.yaml", "charts/**/*.md")
    named = {
        (path, tag)
        for pattern in patterns
        for path, text in checkout(pattern).items()
        for tag in IMAGE.findall(text)
    }
    assert len(named) >= 2
    assert {where for where in named if where[1] != version} == set(), (
        "run `make generate`; a new place goes into local/bind_release/version.py"
    )


def test_a_new_version_reaches_each_copy_and_nothing_else(version: str) -> None:
    changed = updates(checkout, "77.8.9")
    for copy in COPIES:
        found = {said for path in checkout(copy.files) for said in copy.found(changed.get(path, ""))}
        assert found == {"77.8.9"}
    for path, text in changed.items():
        assert text.replace("77.8.9", version) == (ROOT / path).read_text(encoding="utf-8")
    assert updates(checkout, version) == {}


def test_a_place_that_has_moved_is_named() -> None:
    gone = {"docs/a.md": "no image is named here"}
    with pytest.raises(LocalError, match=r"docs/.* holds no version"):
        updates(lambda pattern: gone if pattern.startswith("docs") else checkout(pattern), "0.2.0")


@pytest.mark.parametrize("text", ["", 'version = "1.0.0"\nversion = "1.0.1"\n'])
def test_a_project_without_one_version_is_refused(text: str) -> None:
    with pytest.raises(LocalError, match=r"holds [02] lines"):
        current(text)


@pytest.mark.parametrize("version", ["", "1.0", "v1.0.0", "1.0.0-rc.1", "01.0.0", "1.0.0\n"])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(LocalError, match="is not a version"):
        parsed(version)


def test_versions_are_compared_as_numbers() -> None:
    assert parsed("0.10.0") > parsed("0.9.12")
