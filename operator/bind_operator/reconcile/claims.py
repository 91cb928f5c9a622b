"""Volume claims around a release: they are adopted, marked, grown, and kept when their StatefulSet goes."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bind_operator.api.quantity import parse_quantity
from bind_operator.api.spec import BindVectorizer, DeletionPolicy
from bind_operator.api.status import ClaimStatus
from bind_operator.cluster.kube import Kube, Observed
from bind_operator.cluster.volumes import Volumes
from bind_operator.errors import ApiRefused, OperatorError
from bind_operator.policy.claims import (
    CACHE,
    OWNER_ANNOTATION,
    WantedClaim,
    belongs_to_workload,
    claim_labels,
    claim_template,
    claims_to_grow,
    is_given_away,
    owner_of,
    replaced_claims,
    requested_size,
    wanted_claims,
    was_there_before,
)
from bind_operator.policy.facts import Component, Failure, Key
from bind_operator.policy.memory import MEMORY_ANNOTATION, NOTHING_KNOWN, Memory
from bind_operator.policy.names import data_claim_name
from bind_operator.policy.objects import INSTANCE_LABEL, Object, component_of, is_deleting
from bind_operator.policy.plan import Action
from bind_operator.reasons import Reason

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hold:
    """It keeps Helm from running yet: something is under way, or `failure` says what cannot be done."""

    failure: Failure | None = None


@dataclass
class Claims:
    """It does to the claims of one resource what Helm and the StatefulSet's controller do not."""

    kube: Kube
    volumes: Volumes

    async def find(
        self, key: Key, resource: BindVectorizer, observed: Observed, *, installed: bool
    ) -> dict[str, Object]:
        """Return the claims that are there, by name.

        Before an install also those that bear no labels of ours, since a StatefulSet takes claims by name.
        """
        found = {claim["metadata"]["name"]: claim for claim in observed.claims}
        if not installed:
            names = [one.name for one in wanted_claims(key.name, resource.spec) if one.name not in found]
            found |= await self.volumes.read_claims(key, names)
        return found

    async def mark(self, key: Key, raw: Object, observed: Observed, memory: Memory) -> Observed:
        """Write onto claims in use whose they are, and onto the first one what its data was served with.

        Returns `observed` with the claims as they are then.
        """
        present = {
            Component.WEAVIATE: observed.weaviate is not None and observed.weaviate.release == key.name,
            Component.INFERENCE: observed.inference is not None and observed.inference.release == key.name,
        }
        claims = list(observed.claims)
        for number, claim in enumerate(claims):
            component = component_of(claim)
            if component is None or not present.get(component) or is_deleting(claim):
                continue
            annotations = _marks(key, raw, claim, memory)
            if not annotations:
                continue
            try:
                await self.volumes.mark_claim(key, claim["metadata"]["name"], annotations=annotations)
            except OperatorError as error:
                # Nothing is lost by it: an unmarked claim is kept. The next look tries again.
                logger.warning("claim not marked", extra={"namespace": key.namespace, "error": str(error)})
                break
            claims[number] = _annotated(claim, annotations)
            if OWNER_ANNOTATION in annotations and was_there_before(claim, raw):
                await self._record_adoption(raw, claim)
        return replace(observed, claims=tuple(claims))

    async def _record_adoption(self, raw: Object, claim: Object) -> None:
        metadata = claim["metadata"]
        message = (
            f"volume claim {metadata['name']} ({requested_size(claim)}, created "
            f"{metadata['creationTimestamp']}) was there before and is adopted, with the data in it"
        )
        await self.kube.record_event(raw, Reason.CLAIM_ADOPTED, message, warning=False)

    async def protect(self, key: Key, observed: Observed) -> None:
        """Keep the claims of a release of an older chart that may not be upgraded yet."""
        if observed.stateful_set is None or not is_given_away(observed.stateful_set):
            return
        try:
            await self.volumes.keep_claims(key)
        except OperatorError as error:
            logger.warning("claims not kept", extra={"namespace": key.namespace, "error": str(error)})

    async def record_replaced(self, raw: Object, claims: Sequence[ClaimStatus]) -> None:
        """Warn of claims that somebody deleted, and that came back empty."""
        for claim in replaced_claims(raw["metadata"]["name"], raw.get("status", {}), claims):
            message = (
                f"volume claim {claim.name} is new (created {claim.created}): somebody deleted the one that "
                "Weaviate was served from before, and its data is not in this one"
            )
            await self.kube.record_event(raw, Reason.CLAIM_REPLACED, message, warning=True)

    async def hold(
        self, action: Action, key: Key, raw: Object, resource: BindVectorizer | None, observed: Observed
    ) -> Hold | None:
        """Do what must be done to claims before Helm takes `action`; return what Helm has to wait for."""
        try:
            return await self._hold(action, key, raw, resource, observed)
        except ApiRefused as error:
            return Hold(Failure(error.reason, str(error), is_final=False))

    async def _hold(
        self, action: Action, key: Key, raw: Object, resource: BindVectorizer | None, observed: Observed
    ) -> Hold | None:
        if action is Action.UNINSTALL:
            policy = raw.get("spec", {}).get("deletionPolicy", DeletionPolicy.RETAIN)
            keep = is_deleting(raw) and policy == DeletionPolicy.RETAIN
            return await self._keep(key, observed) if keep else None
        if action not in (Action.INSTALL, Action.UPGRADE) or resource is None:
            return None
        if observed.stateful_set and is_deleting(observed.stateful_set):
            return Hold()
        wanted = wanted_claims(key.name, resource.spec)
        claims = await self.find(key, resource, observed, installed=action is Action.UPGRADE)
        for one in wanted:
            labels = claims[one.name]["metadata"].get("labels", {}) if one.name in claims else {}
            # Helm knows its own objects by their labels; the cache is one of them.
            if one.name in claims and one.field != CACHE and labels.get(INSTANCE_LABEL) != key.name:
                await self.volumes.mark_claim(
                    key, one.name, annotations={}, labels=claim_labels(key.name, one)
                )
        for one, size in claims_to_grow(wanted, claims):
            refused = await self._grow(key, one, size)
            if refused is not None:
                return Hold(refused)
        return await self._replace(key, wanted, observed)

    async def _grow(self, key: Key, wanted: WantedClaim, size: str) -> Failure | None:
        try:
            await self.volumes.grow_claim(key, wanted.name, wanted.size)
        except ApiRefused as error:
            message = (
                f"volume claim {wanted.name} cannot grow from {size} to {wanted.size}: {error}. Set "
                f"{wanted.field}.size back to {size}, or let its StorageClass expand volumes "
                "(allowVolumeExpansion: true)"
            )
            return Failure(Reason.CLAIM_NOT_GROWN, message, is_final=False)
        return None

    async def _replace(self, key: Key, wanted: tuple[WantedClaim, ...], observed: Observed) -> Hold | None:
        """Let go of the pods of a StatefulSet that makes claims of another size; Helm makes the next one."""
        stateful_set = observed.stateful_set
        template = claim_template(stateful_set) if stateful_set else None
        data = next((one for one in wanted if one.component is Component.WEAVIATE), None)
        if data is None:
            # Weaviate goes, since another one is named in its place; its volumes stay.
            return await self._keep(key, observed)
        if stateful_set is None or template is None:
            return None
        if parse_quantity(template[0]) == parse_quantity(data.size):
            return None
        held = await self._keep(key, observed)
        if held is None:
            await self.volumes.release_pods(key, stateful_set)
        return Hold()

    async def _keep(self, key: Key, observed: Observed) -> Hold | None:
        """Take the claims from a StatefulSet that would take them along; wait until its controller has."""
        if observed.stateful_set is None or not (
            is_given_away(observed.stateful_set) or any(map(belongs_to_workload, observed.claims))
        ):
            return None
        if is_given_away(observed.stateful_set):
            await self.volumes.keep_claims(key)
        return Hold()


def _annotated(claim: Object, annotations: Mapping[str, str]) -> Object:
    metadata = claim["metadata"]
    return {
        **claim,
        "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), **annotations}},
    }


def _marks(key: Key, raw: Object, claim: Object, memory: Memory) -> dict[str, str]:
    """Return the annotations that a claim in use lacks."""
    metadata = claim["metadata"]
    annotations = {}
    if owner_of(claim) != raw["metadata"]["uid"]:
        annotations[OWNER_ANNOTATION] = str(raw["metadata"]["uid"])
    if metadata["name"] == data_claim_name(key.name, 0) and memory != NOTHING_KNOWN:
        text = memory.to_text()
        if metadata.get("annotations", {}).get(MEMORY_ANNOTATION) != text:
            annotations[MEMORY_ANNOTATION] = text
    return annotations
