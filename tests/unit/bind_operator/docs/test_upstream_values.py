"""The page of upstream's values has each key of both charts, and a newer upstream shows what is missing."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bind_operator.docs.generate import read_chart_values, read_upstream
from bind_operator.docs.upstream_check import differences, main
from bind_operator.docs.upstream_values import (
    Upstream,
    build_upstream_page,
    families,
    is_covered,
    taken_values,
)


@pytest.fixture(scope="module")
def upstream() -> Upstream:
    found = read_upstream("weaviate-bind")
    assert found is not None
    return found


def test_each_key_of_both_is_on_the_page(upstream: Upstream) -> None:
    values = read_chart_values("weaviate-bind")
    page = build_upstream_page(values, upstream)
    for name in [*(value.name for value in values), *upstream.keys]:
        assert page.count(f"\n| `{name}` | ") == 1, name
    for family in families(upstream):
        assert any(
            f"| `{family.key}` |" in line and all(f"`{module}`" in line for module in family.modules)
            for line in page.splitlines()
        ), family.key


def test_no_key_is_said_to_be_both_ours_and_not(upstream: Upstream) -> None:
    ours = {value.name for value in read_chart_values("weaviate-bind")}
    taken = {value.name for value in taken_values(upstream)}
    assert ours & taken == set()
    assert set(upstream.shared) <= ours


def test_what_is_below_a_key_is_covered_by_it(upstream: Upstream) -> None:
    assert is_covered(("env", "GOGC"), upstream)
    assert is_covered(("modules", "multi2vec-clip", "envconfig", "enable_cuda"), upstream)
    assert not is_covered(("modules", "generative-openai", "tpyo"), upstream)
    assert not is_covered(("tpyo",), upstream)


def _tree(upstream: Upstream) -> dict[str, Any]:
    """Return values that have all that the list says of upstream's."""
    tree: dict[str, Any] = {}
    several = [path for one in families(upstream) if not one.says.startswith("Only") for path in one.paths]
    for path in [*upstream.keys, *upstream.shared, *several]:
        *above, last = path.split(".")
        node = tree
        for key in above:
            node = node.setdefault(key, {})
        node.setdefault(last, None)
    return tree


def _write(folder: Path, version: str, values: dict[str, Any]) -> None:
    (folder / "weaviate").mkdir(exist_ok=True)
    (folder / "weaviate" / "Chart.yaml").write_text(yaml.safe_dump({"version": version}))
    (folder / "weaviate" / "values.yaml").write_text(yaml.safe_dump(values))


def test_a_checkout_is_compared_key_by_key(
    upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = _tree(upstream)
    _write(tmp_path, upstream.version, tree)
    assert differences(tmp_path, upstream) == []
    assert main([str(tmp_path)]) == 0
    del tree["debug"]
    tree["service"]["session"] = "x"
    _write(tmp_path, "99.0.0", tree)
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"it is about version {upstream.version}, and this is 99.0.0",
        "service.session is not in it",
        "debug is not upstream's any more",
    ]
