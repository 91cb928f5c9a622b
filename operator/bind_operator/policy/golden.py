"""The vectors that the gate's fixed text and picture have, by fingerprint: known beforehand.

Only Tiny's are here. ImageBindHuge's need the published checkpoint, whose licence forbids to carry it along;
of it, as of one's own weights, the first vectors are remembered instead.
"""

from bind_operator.policy.facts import VectorSketches

LEAST_COSINE = 0.999
LEAST_COSINE_INT8 = 0.99
"""int8 computes by other kernels on another CPU, and each rounds for itself."""

_FLOAT32 = (
    "0a08091e01e5e80c060fd5021b0e32ffe2ece73206f0020c01f115def30607e1",
    "f5160701fdf20adae7051ef6ef05f104f62226efeef003fe0c14f5330cd83115",
)
_BFLOAT16 = (
    "0a080a1d01e5e80c070fd5021b0e33ffe1ece73306f1010c01f115def30607e1",
    "f6170700fdf20adae7051ff5ef05f204f62226efeef003fe0c14f5330cd83215",
)
_INT8 = (
    "0a080a1e02e4e90c060fd5031b0e32ffe1ece63206f0030c01f116def30507e2",
    "f5170701fdf20adae7051ff5ef04f104f62227efeef103fe0c14f5330cd83115",
)
_SPACES = ("c33d3661", "ed3a65e4")
"""Of seeded weights, one for each way to cut long texts."""

GOLDEN = {
    sketches.fingerprint: sketches
    for precision, (text, image) in {"float32": _FLOAT32, "bfloat16": _BFLOAT16, "int8": _INT8}.items()
    for space in _SPACES
    for sketches in [VectorSketches(f"Tiny-{precision}-{space}", text, image)]
}
"""tests/charts/gate holds these to the real server."""


def least_cosine(fingerprint: str) -> float:
    """Return how near vectors must be to those expected of `fingerprint`."""
    return LEAST_COSINE_INT8 if "-int8-" in fingerprint else LEAST_COSINE
