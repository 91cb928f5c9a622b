"""The story in which faults come: resources are changed, created, healed and deleted while each lasts."""

import random
import time
from dataclasses import dataclass

from integration.instance import Instance
from support.operator_faults.convergence import MARK, Namespace, complaints, complaints_of_gone, harm
from support.operator_faults.faults import Fault
from support.operator_faults.world import World
from support.resources import Manifest, merged
from support.waiting import until

READY_LIMIT_S = 60.0
SETTLE_LIMIT_S = 240.0
LASTING = ("changed", "healed", "steady")


@dataclass
class Story:
    """One namespace in which one fault comes after the other.

    In each round "changed" gets another spec, "healed" loses a workload, "born-1" (2, 3 …) is created, and
    the one before it is deleted. Nobody asks anything of "steady".
    """

    world: World
    namespace: str
    chance: random.Random
    has_rollbacks: bool = False
    """In each second round "rolled-back" gets an image that cannot be had."""
    rounds: int = 0
    settled_s: float = 0.0
    """So long after the last fault's end all was as it was asked for."""
    is_settled: bool = False
    """The last round has come to its end."""

    def begin(self) -> None:
        """Install what is there before, and wait until it is ready."""
        self.world.plane.server.kubectl("create", "namespace", self.namespace)
        for name in (*LASTING, "born-0"):
            self._instance(name).apply(_spec(0))
        if self.has_rollbacks:
            self._instance("rolled-back").apply(self._image())
        self._settle(READY_LIMIT_S)

    def meet(self, fault: Fault, seconds: float) -> list[str]:
        """Let the fault come while all is asked for; return what was done that nobody had asked for."""
        before = self.world.read(self.namespace)
        with fault.block(self.world, self.chance, seconds):
            self._ask()
            time.sleep(self.chance.uniform(0.0, 1.2))
        ended = time.monotonic()
        self._settle(SETTLE_LIMIT_S)
        self.settled_s = time.monotonic() - ended
        return harm(before, self.world.read(self.namespace), "steady") + self.world.complaints()

    def end(self) -> None:
        """Delete what is left, and wait for nothing."""
        self.world.plane.server.kubectl("delete", "bv", "--all", "-n", self.namespace, "--wait=false")

    def _ask(self) -> None:
        """Change, create, break and delete, in an order that chance gives."""
        self.rounds += 1
        self.is_settled = False
        workload = ("delete", "deployment", "healed-inference", "--wait=false")
        asked = [
            lambda: self._instance("changed").apply(_spec(self.rounds)),
            lambda: self._instance("healed").kubectl(*workload),
            lambda: self._instance(f"born-{self.rounds}").apply(_spec(0)),
            lambda: self._instance(f"born-{self.rounds - 1}").delete(),
        ]
        if self.has_rollbacks:
            asked.append(lambda: self._instance("rolled-back").apply(self._image()))
        self.chance.shuffle(asked)
        for one in asked:
            one()

    def _settle(self, limit_s: float) -> None:
        """Wait until all is as it was asked for."""
        said: list[str] = []

        def right() -> bool:
            nonlocal said
            said = self._wrong(self.world.read(self.namespace))
            return not said

        until(right, limit_s, lambda: "\n".join([*said, *self.world.complaints()]))
        self.is_settled = True

    def _wrong(self, found: Namespace) -> list[str]:
        said = complaints(found, "changed", mark=str(self.rounds))
        for name in ("healed", "steady", f"born-{self.rounds}"):
            said += complaints(found, name, mark="0")
        if self.has_rollbacks:
            reason = "RolledBack" if self.rounds % 2 else "InSync"
            said += complaints(found, "rolled-back", mark=str(self.rounds // 2 * 2), ready=reason)
        return said + (complaints_of_gone(found, f"born-{self.rounds - 1}") if self.rounds else [])

    def _image(self) -> Manifest:
        """Return the spec of "rolled-back" in this round: its image can be had in every second one."""
        image = {"tag": "unpullable" if self.rounds % 2 else f"v{self.rounds}"}
        rollout = {"strategy": "Surge", "progressDeadlineSeconds": 5}
        return merged(_spec(self.rounds), {"spec": {"inference": {"image": image, "rollout": rollout}}})

    def _instance(self, name: str) -> Instance:
        return self.world.instance(self.namespace, name)


def _spec(mark: int) -> Manifest:
    return {"spec": {"inference": {"extraEnv": [{"name": MARK, "value": str(mark)}]}}}
