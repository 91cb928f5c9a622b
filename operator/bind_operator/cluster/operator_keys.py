"""The operator has a user of its own in each Weaviate that it closes, and needs no Secret of others for it.

The keys of these users follow from one Secret of the operator's own, which it makes at first use.
"""

import base64
import binascii
import logging
import secrets
from typing import Any

from bind_operator.cluster.client import KubeClient
from bind_operator.errors import ApiConflict, ApiRefused
from bind_operator.policy.facts import Key
from bind_operator.policy.keys import operator_key
from bind_operator.policy.names import OPERATOR

logger = logging.getLogger(__name__)

SEED_BYTES = 32
ENTRY = "seed"


class OperatorKeys:
    """It needs to read one Secret, by its name, in the operator's own namespace."""

    def __init__(self, client: KubeClient, namespace: str, name: str) -> None:
        """Ask for the Secret `name` in `namespace`; there is none where either is empty."""
        self._client = client
        self._path = f"/api/v1/namespaces/{namespace}/secrets"
        self._name = name if namespace else ""
        self._namespace = namespace
        self._seed = b""
        self._is_told = False

    async def key_for(self, key: Key) -> str | None:
        """Return the operator's key for the Weaviate of a resource; None where it has none.

        Raises ApiUnavailable.
        """
        if self._name and not self._seed:
            self._seed = await self._read()
        return operator_key(self._seed, key) if self._seed else None

    async def _read(self) -> bytes:
        try:
            found = await self._client.read(f"{self._path}/{self._name}")
            if found is None:
                found = await self._make()
        except ApiRefused as error:
            if not self._is_told:
                self._is_told = True
                logger.warning("no keys of its own", extra={"secret": self._name, "error": str(error)})
            return b""
        try:
            return base64.b64decode((found or {}).get("data", {}).get(ENTRY, ""))
        except binascii.Error:
            return b""

    async def _make(self) -> dict[str, Any] | None:
        """Make the Secret; another operator may have done so a moment ago."""
        seed = base64.b64encode(secrets.token_bytes(SEED_BYTES)).decode()
        metadata = {
            "name": self._name,
            "namespace": self._namespace,
            "labels": {"app.kubernetes.io/managed-by": OPERATOR},
        }
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {ENTRY: seed}}
        try:
            return await self._client.create(self._path, body)
        except ApiConflict:
            return await self._client.read(f"{self._path}/{self._name}")
