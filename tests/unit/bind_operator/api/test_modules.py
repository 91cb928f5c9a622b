"""A resource names the modules that the chart knows, with the keys that they have."""

from bind_operator.api.modules import KEYLESS, ModuleName
from bind_operator.docs.generate import read_upstream

RENAMED = {"generative-palm"}
"""Weaviate has them under another name."""


def test_they_are_those_of_the_chart_that_answer_or_rank() -> None:
    upstream = read_upstream("weaviate-bind")
    assert upstream is not None
    known = {
        name: keys for name, keys in upstream.api.items() if name.startswith(("generative-", "reranker-"))
    }
    assert set(known) - RENAMED == set(ModuleName)
    assert {name for name, keys in known.items() if not keys} == set(KEYLESS)
