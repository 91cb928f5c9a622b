"""Which registry a user may name."""

import pytest

from bind_local.errors import LocalError
from bind_local.images import publish


@pytest.mark.parametrize(
    ("prefix", "host"),
    [
        ("registry.example.org/team", "registry.example.org"),
        ("localhost/x", "localhost"),
        ("10.0.0.1:5000/a/b", "10.0.0.1:5000"),
    ],
)
def test_a_registry_prefix_has_a_host(prefix: str, host: str) -> None:
    assert publish.checked_host(prefix) == host


@pytest.mark.parametrize(
    "prefix", ["team", "https://registry.example.org/x", "/x", "registry.example.org/Team", "r.io/x/"]
)
def test_a_wrong_prefix_is_named(prefix: str) -> None:
    with pytest.raises(LocalError, match="REGISTRY="):
        publish.checked_host(prefix)
