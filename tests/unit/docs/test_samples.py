"""Every sample is taken by the operator, renders for its chart, and says in its first line what it is for."""

import re
from pathlib import Path

import pytest
import yaml

from bind_operator.__main__ import main
from bind_operator.api import parse_resource
from support.profiles import write_shipped_profiles

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "manifests" / "samples"
SAMPLES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_the_operator_takes_and_renders_it(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    resource = parse_resource(yaml.safe_load(sample.read_text(encoding="utf-8")))
    assert resource.metadata.name == sample.stem
    write_shipped_profiles(tmp_path)
    status = main(["render", str(sample), f"--profiles-dir={tmp_path}"])
    assert status == 0, capsys.readouterr().err  # the chart's schema refuses the values


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_its_first_line_says_what_it_is_for(sample: Path) -> None:
    comment, head, *_ = re.split(r"^(?=apiVersion)", sample.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert head.startswith("apiVersion: bindvectorizer.dev/v1alpha1\nkind: BindVectorizer\n")
    assert all(line.startswith("# ") or line == "#" for line in comment.splitlines())
    assert len(comment) > 60


def test_the_index_names_every_sample_once() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\(([\w-]+\.yaml)\)", index)) == [sample.name for sample in SAMPLES]
