"""Ready's message names what keeps a pod from running, as the cluster reports it."""

import pytest

from support.story import Story


@pytest.fixture(scope="module", autouse=True)
def applied(story: Story) -> None:
    # A pod that has enough reads the image's files first. Were they to count against the small limit, the
    # kernel would drop and read them again for a minute and more instead of killing: seen from 32 to 256 Mi.
    story.apply("fed.yaml")
    story.wait_ready("fed")
    story.apply("unpullable.yaml")
    story.apply("starved.yaml")


def test_an_image_that_cannot_be_pulled(story: Story) -> None:
    condition = story.wait_reason("unpullable", "ImagePullFailed", timeout_s=90)
    assert condition.status == "False"
    assert "no-such-tag" in condition.message
    assert "container inference of pod unpullable-inference-" in condition.message


def test_a_container_killed_at_its_memory_limit(story: Story) -> None:
    condition = story.wait_reason("starved", "OutOfMemory", timeout_s=90)
    assert condition.status == "False"
    assert "memory limit of 48Mi" in condition.message
    assert "spec.inference.resources.limits.memory" in condition.message


def test_raising_the_limit_cures_it(story: Story) -> None:
    story.patch("starved", {"inference": {"resources": {"limits": {"memory": "3Gi"}}}})
    story.wait_ready("starved")
