"""Weaviate itself is asked whether it holds vectors that another vector space would break."""

from dataclasses import dataclass

from bind_operator.cluster.kube import Kube
from bind_operator.cluster.operator_keys import OperatorKeys
from bind_operator.cluster.vector_space import holds_vectors
from bind_operator.policy.authentication import Access
from bind_operator.policy.facts import Component, Key
from bind_operator.policy.names import workload_name


@dataclass
class Collections:
    """It asks the Weaviate of a release, by the operator's own user where there is one."""

    kube: Kube
    keys: OperatorKeys
    timeout_s: float

    async def are_empty(self, key: Key, access: Access | None) -> bool:
        """Return True only where Weaviate says that no collection holds vectors of the module.

        access: who may ask it. Raises ApiUnavailable.
        """
        address = await self.kube.service_address(key, workload_name(key.name, Component.WEAVIATE))
        if address is None:
            return False
        has_user = access is not None and access.has_operator
        api_key = await self.keys.key_for(key) if has_user else None
        return await holds_vectors(address, self.timeout_s, api_key) is False
