"""A wrong resource never reaches the operator: the API server refuses it and names the field."""

import pytest

from bind_demo.errors import DemoError
from support.story import Story


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("device.yaml", r'spec\.device: Unsupported value: "TPU": supported values: "CPU", "CUDA"'),
        ("licence.yaml", r"spec\.inference\.model\.licenseAccepted: .* must be true for ImageBindHuge"),
    ],
    ids=["an unknown device", "a licence not accepted"],
)
def test_the_message_names_the_field(story: Story, file: str, words: str) -> None:
    with pytest.raises(DemoError, match=words):
        story.apply(file)
    assert story.resource("wrong") == {}
