"""The inference server that ran before becomes that of the resource."""

from bindctl.convert.draft import Draft
from bindctl.convert.reading import Reading
from bindctl.goyaml import Path

_UPSTREAM = "semitechnologies/multi2vec-bind"
_OURS = "bindvectorizer/bind-inference"


def set_server_image(
    draft: Draft, reading: Reading, place: Path, registry: str, repository: str, tag: str, digest: str
) -> None:
    """Set the image that ran, so that its vectors go on to fit those that are stored."""
    if repository == _OURS:
        return
    draft.set("inference.image.registry", registry)
    draft.set("inference.image.repository", repository)
    draft.set("inference.image.tag", tag or None)
    draft.set("inference.image.digest", digest or None)
    if repository == _UPSTREAM:
        reading.advise(
            place,
            "runs on; for the server of this project remove spec.inference.image, and set "
            "spec.inference.model.precision: float32 so that its vectors fit those that are stored",
        )


def tell_of_data(reading: Reading, place: Path) -> None:
    """Say that the data does not come along by itself."""
    reading.advise(
        place,
        "the data stays where it is; back it up there, and name the backup in spec.weaviate.restoreFrom, or "
        "import it again",
    )
