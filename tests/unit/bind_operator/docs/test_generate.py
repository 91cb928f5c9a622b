"""Generated files: stale ones are named, fresh ones pass."""

import shutil
from pathlib import Path

import pytest

from bind_operator.docs import generate
from bind_operator.docs.generate import CHARTS, CRD_CHART_FILE, generated_files, main, render_crd_template

CHECKOUT = Path(__file__).parents[4]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for chart in CHARTS:
        (tmp_path / "charts" / chart).mkdir(parents=True)
        shutil.copy(CHECKOUT / "charts" / chart / "values.yaml", tmp_path / "charts" / chart)
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "find_helm", lambda: "helm")
    monkeypatch.setattr(generate, "render_install", lambda helm: "kind: Namespace\n")
    return tmp_path


def test_check_names_what_is_stale_and_writes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    capsys.readouterr()
    assert main(["--check"]) == 0
    page = root / "docs/reference/bindvectorizer.md"
    page.write_text("old", encoding="utf-8")
    assert main(["--check"]) == 1
    assert capsys.readouterr().out == "docs/reference/bindvectorizer.md: stale; run `make generate`\n"
    assert page.read_text(encoding="utf-8") == "old"


def test_a_stale_install_manifest_is_found(root: Path) -> None:
    main([])
    (root / "manifests/install.yaml").write_text("old", encoding="utf-8")
    assert main(["--check"]) == 1


def test_the_checkout_is_fresh() -> None:
    for name, text in generated_files().items():
        assert (CHECKOUT / name).read_text(encoding="utf-8") == text, f"{name} is stale; run `make generate`"


def test_the_chart_template_holds_no_braces_but_its_own() -> None:
    body = render_crd_template().split("spec:\n", 1)[1].removesuffix("{{- end }}\n")
    assert "{{" not in body.replace('{{ "{{" }}', "")
    assert CRD_CHART_FILE.startswith("charts/bind-operator/templates/")


def test_without_helm_it_says_what_to_do(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(generate, "ROOT", root)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("BIND_CACHE", str(root))
    monkeypatch.delenv("HELM", raising=False)
    assert main([]) == 1
    assert "set HELM to its path" in capsys.readouterr().err


def test_a_value_that_is_not_described_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "charts/bind-operator/values.yaml").write_text("image:\n  tag: x\n", encoding="utf-8")
    assert main(["--check"]) == 1
    assert "image.tag is not described" in capsys.readouterr().err
