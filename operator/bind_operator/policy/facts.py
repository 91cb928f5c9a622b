"""The operator saw these facts in the cluster; they are frozen, and the rest of policy judges them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bind_operator.reasons import Reason


@dataclass(frozen=True, order=True)
class Key:
    """It names one resource."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Component(StrEnum):
    """A release has two of these workloads at most, named by the value of their component label."""

    WEAVIATE = "weaviate"
    INFERENCE = "inference"
    GATE = "gate"
    """Beside a managed Weaviate it is no workload of its own, but a part of Weaviate's pods."""


@dataclass(frozen=True)
class Revision:
    """It is one revision of a Helm release, as the labels of its record describe it."""

    number: int
    status: str
    """Helm's status: deployed, superseded, failed, pending-install, uninstalling …."""
    managed: bool
    """Whether this operator made it."""
    digest: str
    chart: str
    created_at: float
    """Helm began to make it then, by the API server's clock, in seconds of the epoch."""
    is_labelled: bool = False
    """It bears this operator's labels: it made this revision, or an earlier one whose labels Helm kept."""
    uid: str = ""
    """The Secret's; another revision of the same number has another one."""
    generation: int | None = None
    """It was made for this generation of the spec; None where nobody wrote it down."""
    cause: str = ""
    shape: tuple[Component, ...] = (Component.WEAVIATE, Component.INFERENCE)
    """It has these workloads; so had all revisions of operators that did not write it down."""

    @property
    def was_applied(self) -> bool:
        """It is or was what runs: it was applied in full, and can be brought back."""
        return self.status in ("deployed", "superseded")


def was_deployed(revisions: Iterable[Revision]) -> bool:
    """Return whether any of `revisions` is or was what runs; until then an upgrade is still the install."""
    return any(revision.was_applied for revision in revisions)


def is_install(revisions: Sequence[Revision], *, has_run: bool) -> bool:
    """Return whether the latest revision, which is deployed, is what the install has come to.

    When one is deployed at last, Helm calls the failed one before it superseded, as if that had run.
    has_run: whether it is known that the release ran before.
    """
    older = revisions[1:]
    return not was_deployed(older) or not (has_run or was_deployed(older[1:]))


@dataclass(frozen=True)
class Workload:
    """It is what matters of a Deployment or StatefulSet."""

    name: str
    release: str | None
    """It belongs to this Helm release, by its annotation."""
    wanted: int
    ready: int
    is_current: bool
    """Whether its controller has seen the latest spec and every pod has it."""
    uid: str = ""
    """Of the object, by which its events are told from those of a namesake."""
    refusal: str = ""
    """It says why its controller cannot make pods, in the API server's words."""
    is_updated: bool = False
    """Whether its controller has seen the latest spec and no pod has another; there may be too few."""
    least: int | None = None
    """An autoscaler chooses how many pods there are, and so many at least; None where there is none."""
    stuck: str = ""
    """It says that its rollout has made no progress within its deadline, in the controller's words."""

    @property
    def is_rolled_out(self) -> bool:
        """Every pod has the latest spec and is ready, and none of an older one is left.

        Of pods that an autoscaler adds to those that do their work, nothing is waited for.
        """
        if self.least is None:
            return self.is_current and self.ready >= self.wanted
        return self.is_updated and self.ready >= min(self.wanted, max(1, self.least))

    @property
    def is_asleep(self) -> bool:
        """An autoscaler has no pod, because nobody asks."""
        return self.least == 0 and self.wanted == 0


@dataclass(frozen=True)
class Problem:
    """It says why pods are not ready, in the cluster's own words."""

    reason: Reason
    message: str
    lacks_node_since: float | None = field(default=None, kw_only=True)
    """No node fits since then, in seconds of the epoch: another node would end it. None for all else."""
    lacks_secret: bool = field(default=False, kw_only=True)
    """A Secret, or an entry of one, is not there: nothing goes on before somebody makes it."""


@dataclass(frozen=True)
class Failure(Problem):
    """It says why the operator's own action did not succeed."""

    is_final: bool
    """Whether the operator waits for a change before it tries again."""


@dataclass(frozen=True)
class VectorSketches:
    """It is what the live check's text and picture became, in sketches (policy/sketch.py)."""

    fingerprint: str
    """The server tells it of its vectors: those of one fingerprint are of one space."""
    text: str
    image: str


@dataclass(frozen=True)
class Verification:
    """It is the result of the live check. `holds` is None while it is unknown."""

    holds: bool | None
    reason: Reason
    message: str
    blocks: bool = True
    """Whether Ready waits for it."""
    in_the_end: str = ""
    """It is said in place of `message` where check after check finds the same, which is then a fault."""
    fingerprint: str | None = None
    """The server told this one; None if it tells none, or was not asked."""
    vectors: VectorSketches | None = None
    """The vectors that were as they should be; None if there were none, or they are of no fingerprint."""
    weaviate_fault: Problem | None = None
    """What is wrong with Weaviate's own answer; None also where it has not been asked."""
    inference_fault: Problem | None = None
    """What is wrong with the vectors, or with what the server says of itself."""
    verified_at: str | None = None
    """The last check that found nothing wrong with the vectors was then, RFC 3339, UTC."""

    @property
    def is_good(self) -> bool:
        """It is true where nothing was found that Ready should wait for."""
        return self.holds is True or not self.blocks
