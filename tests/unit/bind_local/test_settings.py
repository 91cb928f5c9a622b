"""The cache folder, from the environment."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bind_local.settings import Settings


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIND_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().cache_folder() == Path.home() / ".cache/bindvectorizer"
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/xdg")
    assert Settings().cache_folder() == Path("/var/xdg/bindvectorizer")
    monkeypatch.setenv("BIND_CACHE", "/var/cache/bind")
    assert Settings().cache_folder() == Path("/var/cache/bind")


@pytest.mark.parametrize("folder", ["relative/folder", "/", "/cache", "/var/with space", '/var/a"b'])
def test_a_folder_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.setenv("BIND_CACHE", folder)
    with pytest.raises(ValidationError, match="BIND_CACHE"):
        Settings()
