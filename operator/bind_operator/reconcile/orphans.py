"""A namespace that is deleted takes the operator's Lease and Role with it, and its resources must go too.

Whoever can lets them go without leading: a finalizer removed twice does no harm, and nobody can lead there.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from bind_operator.api.identity import FINALIZER
from bind_operator.cluster.kube import Kube
from bind_operator.errors import OperatorError
from bind_operator.policy.objects import is_deleting

logger = logging.getLogger(__name__)

INTERVAL_S = 10.0


async def release_orphans(kube: Kube, namespaces: Sequence[str], leads: Callable[[str], bool]) -> None:
    """Let resources go with their namespace, in those of `namespaces` where this operator does not lead."""
    while True:
        for namespace in namespaces:
            if not leads(namespace):
                try:
                    await _release(kube, namespace)
                except OperatorError as error:
                    logger.debug("not released", extra={"namespace": namespace, "error": str(error)})
        await asyncio.sleep(INTERVAL_S)


async def _release(kube: Kube, namespace: str) -> None:
    if not await kube.is_terminating(namespace):
        return
    for key in await kube.list_keys(namespace):
        raw = await kube.read_resource(key)
        if raw is None or not is_deleting(raw):
            continue
        if FINALIZER in raw["metadata"].get("finalizers", []):
            await kube.apply_finalizer(raw, present=False)
            logger.info("released with its namespace", extra={"bindvectorizer": str(key)})
