"""Secrets with keys are made here. None is ever read, and none is written that is there."""

from collections.abc import Mapping

from bind_operator.cluster.client import KubeClient
from bind_operator.errors import ApiConflict
from bind_operator.policy.facts import Key
from bind_operator.policy.keys import keeper_of, made_mark, secret_of
from bind_operator.policy.objects import Object, is_deleting


class KeySecrets:
    """It needs no right on Secrets but to create them; what owns them is a ConfigMap."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def ensure(self, key: Key, name: str, entries: Mapping[str, str]) -> str | None:
        """Make the Secret `name`, if it is not there.

        Return what tells it from one before it. None: it was there, and the API server makes none twice.
        """
        core = f"/api/v1/namespaces/{key.namespace}"
        keeper = await self._keeper(key, name)
        if keeper is None or is_deleting(keeper):
            raise ApiConflict(f"the ConfigMap {name} is being deleted")
        try:
            secret = await self._client.create(f"{core}/secrets", secret_of(key, name, keeper, entries))
        except ApiConflict:
            return None
        return made_mark(secret) if secret else None

    async def remove(self, key: Key, name: str) -> bool:
        """Delete what owns the Secret, and so the Secret; return whether it was there."""
        path = f"/api/v1/namespaces/{key.namespace}/configmaps/{name}"
        if await self._client.read(path) is None:
            return False
        await self._client.delete(path)
        return True

    async def is_kept(self, key: Key, name: str) -> bool:
        """Return whether the operator has made a Secret of the name, and it was not removed."""
        return await self._client.read(f"/api/v1/namespaces/{key.namespace}/configmaps/{name}") is not None

    async def _keeper(self, key: Key, name: str) -> Object | None:
        core = f"/api/v1/namespaces/{key.namespace}"
        found = await self._client.read(f"{core}/configmaps/{name}")
        return found or await self._client.create(f"{core}/configmaps", keeper_of(key, name))
