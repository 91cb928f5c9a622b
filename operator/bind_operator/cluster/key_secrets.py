"""Secrets with keys are made here. None is ever read, and none is written that is there."""

from collections.abc import Mapping

from bind_operator.cluster.client import KubeClient
from bind_operator.errors import ApiConflict
from bind_operator.policy.facts import Key
from bind_operator.policy.keys import keeper_of, made_mark, noted_mark, noting, secret_of
from bind_operator.policy.objects import Object, is_deleting


class KeySecrets:
    """It needs no right on Secrets but to create them; what owns them is a ConfigMap."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def ensure(self, key: Key, name: str, entries: Mapping[str, str]) -> str | None:
        """Make the Secret `name`, if it is not there.

        Return what tells it from one before it. None: it was there, and the API server makes none twice.
        """
        secret = secret_of(key, name, await self._keeper(key, name), entries)
        try:
            made = await self._client.create(f"/api/v1/namespaces/{key.namespace}/secrets", secret)
        except ApiConflict:
            return None
        return made_mark(made) if made else None

    async def renew(
        self, key: Key, name: str, entries: Mapping[str, str], mark: str, told: str
    ) -> str | None:
        """Make the Secret anew, if it is gone and pods run with its keys; return by what to tell it.

        The mark is noted at the keeper before, so that it is known after an end in between. told: the mark
        that is known already. None: the Secret was there, and no other one than that.
        """
        keeper = await self._keeper(key, name)
        secrets, secret = f"/api/v1/namespaces/{key.namespace}/secrets", secret_of(key, name, keeper, entries)
        try:
            await self._client.create(secrets, secret, dry_run=True)
        except ApiConflict:
            noted = noted_mark(keeper)
            return noted if noted not in {"", told} else None
        await self._client.patch(f"/api/v1/namespaces/{key.namespace}/configmaps/{name}", noting(mark))
        await self._client.create(secrets, secret)
        return mark

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

    async def _keeper(self, key: Key, name: str) -> Object:
        core = f"/api/v1/namespaces/{key.namespace}"
        found = await self._client.read(f"{core}/configmaps/{name}")
        keeper = found or await self._client.create(f"{core}/configmaps", keeper_of(key, name))
        if keeper is None or is_deleting(keeper):
            raise ApiConflict(f"the ConfigMap {name} is being deleted")
        return keeper
