"""Which processes of this machine are a node."""

import pytest

from bind_local.cluster.cleanup import is_node


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        ("/x/.venv/bin/python -m bind_local.node", True),
        ("unshare --fork --pid python3 -m bind_local.node", True),
        ("vim bind_local.node", False),
        ("python -m bind_local.nodes", False),
        ("", False),
    ],
)
def test_a_node_is_known_by_its_command_line(words: str, ours: bool) -> None:
    assert is_node(words) is ours
