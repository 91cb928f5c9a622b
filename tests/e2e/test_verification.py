"""The live check by the names of the cluster: Ready stands on a text and a picture that were embedded."""

from bind_operator.policy.golden import GOLDEN
from support.story import Story

NAME = "proven"


def test_ready_means_that_a_text_and_a_picture_were_embedded(story: Story) -> None:
    story.apply("resource.yaml")
    status = story.wait_ready(NAME)["status"]
    verified = story.condition(NAME, "Verified")
    assert (verified.status, verified.reason) == ("True", "Verified")
    assert "embeds a text and a picture through the gate with Tiny (32 dimensions)" in verified.message
    assert status["verifiedVectors"]["fingerprint"] in GOLDEN
    assert status["lastVerifiedTime"]
