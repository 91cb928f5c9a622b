"""Whether a revision is the install or an upgrade, by what Helm left in its records."""

import pytest

from bind_operator.policy.facts import Revision, is_install


def revisions(*statuses: str) -> list[Revision]:
    """Return revisions of these statuses, the latest first."""
    numbers = range(len(statuses), 0, -1)
    return [
        Revision(number, status, True, "d", "weaviate-bind-0.1.0", 0.0)
        for number, status in zip(numbers, statuses, strict=True)
    ]


@pytest.mark.parametrize(
    ("statuses", "has_run", "is_first"),
    [
        (("deployed",), False, True),
        (("deployed", "failed"), False, True),
        # Helm calls the last failed one superseded once the next has been deployed.
        (("deployed", "superseded", "failed", "failed"), False, True),
        (("deployed", "superseded", "failed", "failed"), True, False),
        (("deployed", "superseded"), True, False),
        (("deployed", "superseded", "superseded"), False, False),
        (("deployed", "failed", "superseded"), False, False),
    ],
)
def test_the_install_is_what_was_deployed_first(
    statuses: tuple[str, ...], has_run: bool, is_first: bool
) -> None:
    assert is_install(revisions(*statuses), has_run=has_run) is is_first
