"""The program of docs/how-to/aliases.md, as it stands there, against the real Weaviate and server."""

import pytest

from integration.snippet import SNIPPETS, World

PAGE = SNIPPETS.parent / "how-to" / "aliases.md"


@pytest.fixture(scope="module")
def printed(world: World) -> list[str]:
    """What the program says, the second time: it can be run again."""
    world.run("aliases.py")
    return world.run("aliases.py")


def test_a_search_by_the_alias_goes_to_the_collection_that_it_names(printed: list[str]) -> None:
    found, searched, named, count = printed
    assert found == "a cat on a mat"
    assert (searched, named) == ("Photo_2", "Photo_2")
    assert count == "3"


def test_the_page_shows_the_program() -> None:
    program = (SNIPPETS / "aliases.py").read_text(encoding="utf-8")
    assert f"```python\n{program}```" in PAGE.read_text(encoding="utf-8")
