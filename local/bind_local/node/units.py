"""The processes of the node as data: `components.py` defines them, `init.py` runs them."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Unit:
    """A process of the node.

    after: units that must be ready before it starts. ready: "tcp:HOST:PORT" or "unix:PATH" that must accept a
    connection, or an https address that must answer 200; "" means ready once started. oneshot: runs once
    and is ready when it has ended with status 0.
    """

    name: str
    argv: tuple[str, ...]
    after: tuple[str, ...] = ()
    ready: str = ""
    oneshot: bool = False
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NodeSpec:
    """The node's first process needs to know this.

    cgroup_files: `cgroup.procs` files to join. setup: commands to run first. log_dir: a log for each unit.
    """

    cgroup_files: tuple[str, ...]
    setup: tuple[tuple[str, ...], ...]
    units: tuple[Unit, ...]
    log_dir: str

    def to_json(self) -> str:
        """Return the spec as JSON; equal specs give equal text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "NodeSpec":
        """Return the spec that `to_json` wrote.

        Raises ValueError, KeyError or TypeError for anything else.
        """
        raw: dict[str, Any] = json.loads(text)
        units = tuple(
            Unit(**{**unit, "argv": tuple(unit["argv"]), "after": tuple(unit["after"])})
            for unit in raw["units"]
        )
        setup = tuple(tuple(argv) for argv in raw["setup"])
        return cls(tuple(raw["cgroup_files"]), setup, units, raw["log_dir"])
