"""Any tree of JSON values is the same after a parser of YAML has read it."""

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from bind_operator.release.yaml_text import to_yaml

TEXTS = st.text(max_size=20) | st.sampled_from(
    ["yes", "1e3", "0o14", "null", "~", "", "a: b", "#", "- a", "on"]
)
SCALARS = TEXTS | st.booleans() | st.none() | st.integers(-(2**40), 2**40)
TREES: Any = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS.filter(lambda key: len(key) < 20), TREES, min_size=1, max_size=4))
def test_a_tree_is_read_back(tree: dict[str, Any]) -> None:
    assert yaml.safe_load(to_yaml(tree)) == tree


def test_words_of_yaml_are_quoted_where_they_are_keys() -> None:
    assert to_yaml({"on": {"a-b": [1]}, "x.y": "1e3"}) == '"on":\n  a-b: [1]\n"x.y": "1e3"\n'
