"""Objects go with the definition of their kind, and Helm's records are told so, for it cannot go on else.

Before it changes or removes a release Helm looks up each object of the last revision, and ends where the
API server does not know the kind of one. People mend that by hand in the records, and so does the operator.
"""

from collections.abc import Collection
from dataclasses import dataclass

from bind_operator.cluster.client import KubeClient
from bind_operator.cluster.records import Records
from bind_operator.policy.facts import Key, Revision
from bind_operator.release.storage import RecordUnreadable, release_selector, without_kinds

KindVersion = tuple[str, str]


@dataclass
class LostKinds:
    """It makes requests, and may raise ApiUnavailable, ApiConflict or ApiRefused."""

    client: KubeClient
    records: Records

    async def kinds_of(self, key: Key, revision: Revision) -> tuple[KindVersion, ...]:
        """Return the kinds of the objects of a revision, but for those that every cluster has."""
        record = await self.records.read(key, revision)
        found = {(item["kind"], item["apiVersion"]) for item in (record.objects if record else ())}
        return tuple(sorted(kind for kind in found if "." in kind[1].partition("/")[0]))

    async def forget(self, key: Key, kinds: Collection[KindVersion]) -> tuple[KindVersion, ...]:
        """Take objects of kinds that the cluster has lost out of a release's records; return those kinds.

        A kind that is served in another version is not lost: its objects are there.
        """
        lost = tuple([one for one in kinds if not await self._is_served(*one)])
        path = f"/api/v1/namespaces/{key.namespace}/{self.records.driver.resource}"
        is_changed = False
        for record in await self.client.items(path, labels=release_selector(key.name)) if lost else ():
            try:
                changed = without_kinds(record, lost, self.records.driver)
            except RecordUnreadable:
                continue
            if changed is not None:
                await self.client.replace(f"{path}/{record['metadata']['name']}", changed)
                is_changed = True
        self.records.forget(key)
        return lost if is_changed else ()

    async def _is_served(self, kind: str, version: str) -> bool:
        """Return whether the API server knows a kind in any version of its group."""
        group = await self.client.read(f"/apis/{version.partition('/')[0]}")
        for one in (group or {}).get("versions", []):
            kinds = await self.client.read(f"/apis/{one['groupVersion']}")
            if any(known["kind"] == kind for known in (kinds or {}).get("resources", [])):
                return True
        return False
