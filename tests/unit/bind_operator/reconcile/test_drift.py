"""What is put back counts against whoever changes it again, and what cannot be put back does not."""

from types import SimpleNamespace
from typing import Any

import pytest

from bind_operator.api.drift import DriftMode
from bind_operator.errors import ApiUnavailable
from bind_operator.policy.drift import Correction, Ref, Report, missing
from bind_operator.policy.facts import Key
from bind_operator.reconcile.drift import MAX_CORRECTED, Drift, build_drift

KEY = Key("demo", "search")
REF = Ref("Deployment", "search-inference")


class Fakes:
    """Stands for the cluster and Helm's records, and refuses to write where it shall."""

    refuses = False

    async def record_event(self, *_: Any, **__: Any) -> None:
        return None

    async def is_latest(self, *_: Any) -> bool:
        return True

    async def read(self, *_: Any) -> Any:
        metadata = {"name": REF.name, "labels": {}, "annotations": {}}
        return SimpleNamespace(objects=[{"kind": REF.kind, "metadata": metadata}])

    async def correct(self, *_: Any) -> None:
        if self.refuses:
            raise ApiUnavailable("the webhook does not answer")


async def put_back(drift: Drift) -> None:
    observed: Any = SimpleNamespace(revisions=(None,))
    finding = missing(REF)
    report = Report(DriftMode.ENABLED, (Correction(finding, finding.differences, ()),))
    await drift.correct(KEY, {}, observed, report, now=1.0)


@pytest.mark.parametrize("refuses", [True, False])
async def test_only_what_was_put_back_counts(refuses: bool) -> None:
    fakes: Any = Fakes()
    fakes.refuses = refuses
    drift = build_drift(fakes, fakes, fakes)
    for _ in range(MAX_CORRECTED):
        if refuses:
            with pytest.raises(ApiUnavailable):
                await put_back(drift)
        else:
            await put_back(drift)
    assert (drift.requeue_s(KEY, 1.0) == float("inf")) is refuses
