"""Debian's packages: those that are missing are installed, and no service of theirs is started."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bind_local import command
from bind_local.errors import CommandFailed, LocalError
from bind_local.paths import LOCAL, Paths

LIST = LOCAL / "packages.txt"
PIPELINES_LIST = LOCAL / "packages-pipelines.txt"
POLICY = Path("/usr/sbin/policy-rc.d")


def wanted(text: str) -> list[str]:
    """Return the package names in the text of packages.txt."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def installed(dpkg_query: str) -> set[str]:
    """Return the names that are installed, from `dpkg-query -W -f '${Package} ${db:Status-Status}\\n'`."""
    fields = (line.split() for line in dpkg_query.splitlines())
    return {found[0] for found in fields if len(found) == 2 and found[1] == "installed"}


def missing(file: Path = LIST) -> list[str]:
    """Return the packages of a list that this machine lacks.

    Raises LocalError where there is no dpkg.
    """
    shown = command.output(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n"],
        remedy="the local cluster is made for Debian 12; elsewhere use KUBE=current",
    )
    return [name for name in wanted(file.read_text()) if name not in installed(shown)]


def install(paths: Paths, file: Path = LIST) -> None:
    """Install what is missing. Raises LocalError when this is not root or apt fails."""
    names = missing(file)
    listed = " ".join(names)
    if os.geteuid() != 0:
        raise LocalError(f"these Debian packages are missing: {listed}", f"as root: apt-get install {listed}")
    log = paths.logs / "packages.log"
    remedy = f"see that `apt-get update && apt-get install {listed}` works, then run this again"
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=120", "-y"]
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    with _no_services():
        try:
            command.logged(
                [*apt, "install", "--no-install-recommends", *names], log=log, remedy=remedy, env=env
            )
        except CommandFailed:
            # Most often the package lists are missing or old; updating them first always would cost 10 s.
            command.logged([*apt, "update"], log=log, remedy=remedy, env=env)
            command.logged(
                [*apt, "install", "--no-install-recommends", *names], log=log, remedy=remedy, env=env
            )


@contextmanager
def _no_services() -> Iterator[None]:
    """Keep Debian from starting etcd and the registry as services of the machine."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
