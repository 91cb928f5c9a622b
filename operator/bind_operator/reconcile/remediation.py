"""A rollback that was decided is done here, by Helm."""

from collections.abc import Sequence

from bind_operator.cluster.kube import Kube
from bind_operator.policy.facts import Key
from bind_operator.policy.objects import Object
from bind_operator.policy.status import read_remediation
from bind_operator.reasons import Reason
from bind_operator.release.helm import Helm


async def roll_back(
    helm: Helm, kube: Kube, key: Key, raw: Object, number: int, secrets: Sequence[str] = ()
) -> None:
    """Bring back the revision that the status in `raw` names, as revision `number`, and record an event.

    secrets: texts that no message may show. Raises OperatorError.
    """
    record = read_remediation(raw.get("status", {}))
    if record is None:
        raise AssertionError(key)
    await helm.rollback(key, record.to_revision, secrets)
    back = f"back from revision {record.from_revision} to what was revision {record.to_revision}"
    message = f"revision {number} goes {back}: {record.message}"
    await kube.record_event(raw, Reason.ROLLED_BACK, message, warning=True)
