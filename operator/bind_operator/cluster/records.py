"""Helm's record of a revision is read at most once, for it does not change but for its status."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from bind_operator.cluster.client import KubeClient
from bind_operator.policy.facts import Key, Revision
from bind_operator.release.storage import (
    HelmDriver,
    Record,
    RecordUnreadable,
    read_record,
    read_revisions,
    record_name,
    release_selector,
)

logger = logging.getLogger(__name__)

MAX_KEPT = 32
"""A record takes some 60 kB. It is wanted again only where an object was changed."""


@dataclass
class Records:
    """It reads records and keeps the latest of them."""

    client: KubeClient
    driver: HelmDriver
    _kept: dict[tuple[Key, int, str], Record] = field(default_factory=dict)

    async def read(self, key: Key, revision: Revision) -> Record | None:
        """Return the record of `revision`; None if it is gone or cannot be read."""
        place = (key, revision.number, revision.uid)
        record = self._kept.pop(place, None) or await self._read(key, revision)
        if record is not None:
            self._kept[place] = record
            while len(self._kept) > MAX_KEPT:
                del self._kept[next(iter(self._kept))]
        return record

    def forget(self, key: Key) -> None:
        """Forget the records of a release, because they were changed."""
        for place in [place for place in self._kept if place[0] == key]:
            del self._kept[place]

    async def is_deployed(self, key: Key, number: int) -> bool:
        """Return whether a revision is the latest of its release, and deployed."""
        found = await self._revisions(key)
        return bool(found) and (found[0].number, found[0].status) == (number, "deployed")

    async def is_latest(self, key: Key, revision: Revision) -> bool:
        """Return whether `revision` is still the latest of its release, and nobody is at work on it."""
        found = await self._revisions(key)
        known = (revision.number, revision.uid, revision.status)
        return bool(found) and (found[0].number, found[0].uid, found[0].status) == known

    async def _revisions(self, key: Key) -> Sequence[Revision]:
        """Return the revisions of a release, newest first."""
        path = f"/api/v1/namespaces/{key.namespace}/{self.driver.resource}"
        labels = release_selector(key.name)
        return read_revisions(await self.client.items(path, labels=labels, metadata_only=True))

    async def _read(self, key: Key, revision: Revision) -> Record | None:
        name = record_name(key.name, revision.number)
        path = f"/api/v1/namespaces/{key.namespace}/{self.driver.resource}/{name}"
        record = await self.client.read(path)
        if record is None:
            return None
        try:
            return read_record(record, self.driver)
        except RecordUnreadable as error:
            logger.warning("record unreadable", extra={"bindvectorizer": str(key), "error": str(error)})
            return None
