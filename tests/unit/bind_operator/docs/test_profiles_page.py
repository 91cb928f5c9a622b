"""The page on hardware profiles says what is shipped, and the command that the tests run."""

from pathlib import Path

import pytest
import yaml

from bind_operator.api.profile import Profile
from bind_operator.policy.profiles import read_book
from support.profiles import shipped_profiles
from support.resources import UNSET

PAGE = (Path(__file__).parents[4] / "docs/how-to/profiles.md").read_text(encoding="utf-8")
SHIPPED = shipped_profiles().known


@pytest.mark.parametrize("name", SHIPPED)
def test_each_shipped_profile_has_a_row_that_is_true(name: str) -> None:
    profile = SHIPPED[name].profile
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]
    assert f"| {profile.device} |" in row
    assert f"| {profile.precision} |" in row
    assert ("not measured" in row) is ("Not measured on this card" in str(profile.description))


def test_each_field_of_a_profile_is_explained() -> None:
    for field in Profile.model_fields.values():
        assert f"`{field.alias}" in PAGE


def test_the_example_can_be_used() -> None:
    example = next(block for block in PAGE.split("```yaml\n")[1:] if block.startswith("profiles:"))
    profiles = yaml.safe_load(example.partition("```")[0])["profiles"]
    whole = {name: yaml.safe_dump(one) for name, one in profiles.items() if one and "device" in one}
    assert set(whole) == {"a10g"}
    assert not read_book(whole).faults


def test_the_command_that_unsets_old_defaults_is_the_one_that_was_tried() -> None:
    assert f"kubectl patch bv search --type=merge -p '{UNSET}'" in PAGE
