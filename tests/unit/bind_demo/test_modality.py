"""The demo names the modalities for itself; they are those that the server understands."""

from bind_demo.modality import Modality
from bind_inference.modality import Modality as ServerModality


def test_the_demo_shows_every_modality_of_the_server_by_its_name() -> None:
    assert [modality.value for modality in Modality] == [modality.value for modality in ServerModality]
