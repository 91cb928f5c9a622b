"""The changelog of a release."""

from datetime import date
from pathlib import Path

import pytest

from bind_local.errors import LocalError
from bind_release.changelog import PATH, UNRELEASED, released

TODAY = date(2027, 1, 2)
BEFORE = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Soap.\n\n## [0.1.0] - 2026-12-01\n\n- Water.\n"
AFTER = (
    "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2027-01-02\n\n### Added\n\n- Soap.\n\n"
    "## [0.1.0] - 2026-12-01\n\n- Water.\n"
)


def test_what_was_unreleased_is_the_version_s() -> None:
    assert released(BEFORE, "0.2.0", TODAY) == AFTER


@pytest.mark.parametrize(
    ("text", "version", "words"),
    [
        (BEFORE, "0.1.0", "has 0.1.0 already"),
        (AFTER, "0.3.0", "says nothing"),
        (BEFORE.replace("- Soap.\n", ""), "0.2.0", "says nothing"),
        ("# Changelog\n", "0.2.0", "has no line"),
    ],
    ids=["a version twice", "nothing", "headings alone", "no section"],
)
def test_a_changelog_that_says_nothing_of_a_release_is_refused(text: str, version: str, words: str) -> None:
    with pytest.raises(LocalError, match=words):
        released(text, version, TODAY)


def test_the_changelog_of_the_checkout_has_a_place_for_what_comes() -> None:
    assert f"\n{UNRELEASED}\n" in (Path(__file__).parents[3] / PATH).read_text(encoding="utf-8")
