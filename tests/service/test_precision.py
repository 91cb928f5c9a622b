"""A server of a lower precision: near to float32, in a space of its own, and it says so."""

from pathlib import Path

import httpx
import pytest
import torch

from bind_inference.modality import Modality
from support.samples import SAMPLES, Expected, encoded
from support.server import server


@pytest.mark.parametrize(("precision", "least"), [("bfloat16", 0.9995), ("int8", 0.998)])
def test_a_lower_precision_is_near_and_named(
    precision: str, least: float, tmp_path: Path, expected: Expected
) -> None:
    body = {kind.plural: [encoded(kind, name) for name in SAMPLES[kind]] for kind in Modality}
    with server(tmp_path, "--precision", precision) as running:
        answer = httpx.post(f"{running.url}/vectorize", json=body, timeout=60).raise_for_status().json()
        meta = httpx.get(f"{running.url}/meta").json()
        metrics = httpx.get(f"{running.url}/metrics").text

    assert meta["precision"] == precision
    assert meta["fingerprint"].startswith(f"Tiny-{precision}-")
    (check,) = meta["precision_checks"]
    assert (check["precision"], check["passed"]) == (precision, True)
    assert f'bind_precision_cosine{{modality="image",precision="{precision}"}}' in metrics
    for kind in Modality:
        vectors = torch.tensor(answer[kind.vector_key])
        wanted = torch.stack([torch.from_numpy(expected.vector(kind, name)) for name in SAMPLES[kind]])
        cosines = torch.cosine_similarity(vectors, wanted)
        assert cosines.min() >= least, (kind, cosines)
