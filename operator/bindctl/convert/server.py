"""The inference server that ran before becomes that of the resource."""

from bind_operator.api.rules.inference import INFERENCE_ENV
from bind_operator.goyaml import Path
from bindctl.convert.draft import Draft
from bindctl.convert.reading import Reading
from bindctl.convert.variables import Variables, is_true

_UPSTREAM = "semitechnologies/multi2vec-bind"
_OURS = "bindvectorizer/bind-inference"
_FIELDS = {
    "BIND_MODEL": "inference.model.name",
    "BIND_PRECISION": "inference.model.precision",
    "BIND_WEIGHTS_URL": "inference.model.weights.url",
    "BIND_WEIGHTS_SHA256": "inference.model.weights.sha256",
}
_NUMBERS = {
    "BIND_MAX_BATCH_SIZE": "inference.batching.maxBatchSize",
    "BIND_MAX_BATCH_GFLOP": "inference.batching.maxBatchGflop",
}
_CHART = ("BIND_PEERS", "BIND_JOURNAL_PATH", "BIND_DRAIN_TIMEOUT_S", "HOME", "TMPDIR")


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


def set_server_variables(draft: Draft, reading: Reading, variables: Variables) -> None:
    """Set the fields that variables of our own server stand for, and tell of those that the chart sets."""
    for name, field in _FIELDS.items():
        draft.set(field, variables.take(name) or None)
    for name, field in _NUMBERS.items():
        value = variables.take(name) or ""
        draft.set(field, int(value) if value.isdigit() else None)
    if is_true(variables.take("BIND_LICENSE_ACCEPTED")):
        draft.set("inference.model.licenseAccepted", True)
    for name in (*INFERENCE_ENV, *_CHART):
        if name in variables:
            place = variables.place(name)
            variables.take(name)
            reading.advise(place, "is not set here: the chart says where the server listens and keeps files")


def tell_of_data(reading: Reading, place: Path) -> None:
    """Say that the data does not come along by itself."""
    reading.advise(
        place,
        "the data stays where it is; back it up there, and name the backup in spec.weaviate.restoreFrom, or "
        "import it again",
    )
