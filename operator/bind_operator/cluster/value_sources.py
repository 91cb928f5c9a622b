"""The objects of `spec.valuesFrom` are read at each look, and polled meanwhile: no watch knows them."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bind_operator.api.delivery import SourceKind, ValuesSource
from bind_operator.cluster.client import KubeClient
from bind_operator.errors import ApiRefused, InvalidValues, OperatorError, ValuesSourceMissing
from bind_operator.policy.facts import Key
from bind_operator.release.layers import Layer
from bind_operator.release.sources import place_of, read_source
from bind_operator.release.storage import HelmDriver

logger = logging.getLogger(__name__)

_PLURALS = {SourceKind.CONFIG_MAP: "configmaps", SourceKind.SECRET: "secrets"}


class ValueSources:
    """It reads the layers of resources, and has those looked at whose sources are others now."""

    def __init__(
        self, client: KubeClient, driver: HelmDriver, interval_s: float, changed: Callable[[Key], None]
    ) -> None:
        """Take the client. changed: is given each resource one of whose sources is another now."""
        self._client = client
        self._driver = driver
        self._interval_s = interval_s
        self._changed = changed
        self._seen: dict[Key, dict[str, str]] = {}
        """The version of each object that a resource names, by its path; empty of one that is not there."""

    async def read(self, key: Key, sources: Sequence[ValuesSource]) -> tuple[Layer, ...]:
        """Return what `sources` of resource `key` say, without optional ones that are not there.

        Raises InvalidValues, ValuesSourceMissing or ApiUnavailable.
        """
        self._seen.pop(key, None)
        layers = []
        for index, source in enumerate(sources):
            found = await self._find(key, source, place_of(index, source))
            layer = read_source(index, source, found, where=f"in namespace {key.namespace}")
            layers += [layer] if layer else []
        return tuple(layers)

    async def _find(self, key: Key, source: ValuesSource, place: str) -> Mapping[str, Any] | None:
        if source.kind is SourceKind.SECRET and self._driver is not HelmDriver.SECRET:
            raise InvalidValues(
                f"{place}: this operator keeps Helm's records in ConfigMaps, where the values of a Secret "
                "could be read; use a ConfigMap, and spec.inference.extraEnv or envSecrets for what is "
                "secret; or who runs the operator sets helm.driver: Secret"
            )
        path = f"/api/v1/namespaces/{key.namespace}/{_PLURALS[source.kind]}/{source.name}"
        try:
            found = await self._client.read(path)
        except ApiRefused as error:
            raise ValuesSourceMissing(f"{place}: cannot be read: {error}") from error
        self._seen.setdefault(key, {})[path] = _version_of(found)
        return found

    async def run(self) -> None:
        """Look for changes until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            await self.look()

    async def look(self) -> None:
        """Have resources looked at whose sources have come, gone or changed since their last look."""
        for path in sorted({path for paths in self._seen.values() for path in paths}):
            try:
                version = _version_of(await self._client.read(path))
            except OperatorError as error:
                # The API server is not to be had, or a right is gone: the resource's next look says so.
                logger.debug("source not read", extra={"path": path, "error": str(error)})
                continue
            for key, paths in list(self._seen.items()):
                if paths.get(path, version) != version:
                    paths[path] = version
                    self._changed(key)

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone."""
        self._seen.pop(key, None)


def _version_of(found: Mapping[str, Any] | None) -> str:
    return str(found["metadata"]["resourceVersion"]) if found else ""
