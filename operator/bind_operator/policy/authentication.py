"""The spec says who may ask Weaviate; else it stays as it is, and a new one answers who has a key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bind_operator.api.authentication import OPERATOR, OWN_ENTRIES, Authentication, Authorization, KeyEntry
from bind_operator.api.spec import Inference, Weaviate
from bind_operator.api.status import AuthenticationStatus, ConditionType
from bind_operator.policy.facts import Component
from bind_operator.policy.names import inference_keys_name, weaviate_keys_name
from bind_operator.policy.objects import Object
from bind_operator.reasons import Reason

ANONYMOUS = "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED"
_VARIABLES = "AUTHENTICATION_"
_ON = ("true", "on", "enabled", "1")
"""Weaviate takes these words for yes, in any case."""

LEFT_OPEN = (
    "Weaviate answers without keys, since it did so before the operator knew of them; close it with "
    "spec.weaviate.authentication: {}, or keep it so with anonymousAccess: true in it"
)


_PLAIN = Authentication()


@dataclass(frozen=True)
class Access:
    """It is who may ask Weaviate, as a release is made."""

    anonymous: bool
    secret: str = ""
    """This Secret holds the keys; empty: there are none."""
    is_made: bool = False
    """The operator makes the Secret."""
    entries: tuple[KeyEntry, ...] = ()
    revision: str = ""
    """Another one restarts the pods."""
    left_open: bool = False
    """Nobody asked for anonymous access: it was there before."""
    lists: Authentication = _PLAIN
    """Its users and groups hold where `is_guarded`."""

    @property
    def is_guarded(self) -> bool:
        """There are users, and so it is decided who may do what."""
        return bool(self.secret or self.lists.oidc or self.lists.database_users)

    @property
    def is_rbac(self) -> bool:
        """Weaviate's own roles decide it."""
        return self.lists.authorization is Authorization.RBAC

    @property
    def admin_users(self) -> list[str]:
        """They may do everything."""
        named = ["admin"] if self.lists.admin_users is None else self.lists.admin_users
        return [*named, OPERATOR.user] if self.has_operator else named

    @property
    def has_operator(self) -> bool:
        """The operator has a user of its own."""
        return OPERATOR in self.entries

    @property
    def read_only_users(self) -> list[str]:
        """They may read."""
        return ["read-only"] if self.lists.read_only_users is None else self.lists.read_only_users

    @property
    def probe_entry(self) -> str:
        """The live check shows the key in this entry: one that may only read, if there is one."""
        readers = [one.entry for one in self.entries if one.user in self.read_only_users]
        return next(iter(readers), self.entries[0].entry if self.entries else "")


def access_of(name: str, weaviate: Weaviate, *, was_open: bool, made: str = "") -> Access:
    """Return who may ask the managed Weaviate of resource `name`.

    was_open: it answers without keys at present. made: tells the Secret that the operator made from others.
    """
    section = weaviate.authentication
    if section is None:
        return _by_default(name, weaviate, was_open=was_open, made=made)
    keys = section.api_keys
    if not (keys.enabled if keys else not section.anonymous_access):
        return Access(section.anonymous_access, lists=section)
    is_made = keys is None or keys.secret_name is None
    parts = (made if is_made else "", keys.revision if keys else None)
    named = tuple(keys.entries) if keys and keys.entries else OWN_ENTRIES
    return Access(
        section.anonymous_access,
        secret=weaviate_keys_name(name) if keys is None or keys.secret_name is None else keys.secret_name,
        is_made=is_made,
        entries=(*named, OPERATOR) if is_made else named,
        revision="-".join(part for part in parts if part),
        lists=section,
    )


@dataclass(frozen=True)
class MadeSecret:
    """It is a Secret that the operator makes, or one that a resource names."""

    secret: str = ""
    """Its name; empty: there is none."""
    is_made: bool = False
    entries: tuple[str, ...] = ()


def inference_keys_of(name: str, inference: Inference) -> MadeSecret:
    """Return the Secret with the keys between gate and inference server of resource `name`."""
    keys = inference.api_keys
    if keys is None:
        return MadeSecret()
    entries = (keys.server_entry, keys.gate_entry)
    return MadeSecret(keys.secret_name or inference_keys_name(name), keys.secret_name is None, entries)


def _by_default(name: str, weaviate: Weaviate, *, was_open: bool, made: str) -> Access:
    names = [variable for variable in weaviate.env if variable.startswith(_VARIABLES)]
    if names:
        # They win in the pod, and say who comes in; what they do not say of anonymous access stays as it is.
        own = weaviate.env.get(ANONYMOUS)
        return Access(was_open if own is None else is_on(own), left_open=was_open and own is None)
    if was_open:
        return Access(anonymous=True, left_open=True)
    secret = weaviate_keys_name(name)
    entries = (*OWN_ENTRIES, OPERATOR)
    return Access(anonymous=False, secret=secret, is_made=True, entries=entries, revision=made)


def was_open(status: Mapping[str, Any], stateful_set: Object | None) -> bool:
    """Return whether Weaviate answers without keys: by the status, else by its pods' template.

    A status without a word of it, but of a release, is of an operator that left Weaviate open.
    """
    told = status.get("authentication")
    if isinstance(told, Mapping) and isinstance(told.get("anonymousAccess"), bool):
        return bool(told["anonymousAccess"])
    if stateful_set is not None:
        return is_on(_variable(stateful_set, ANONYMOUS))
    return bool(status.get("release"))


def made_before(status: Mapping[str, Any]) -> str:
    """Return by what the status tells the Secret that the operator made; "" where it tells nothing."""
    told = status.get("authentication")
    return str(told.get("madeSecret", "")) if isinstance(told, Mapping) else ""


def lacks_key(status: Mapping[str, Any]) -> bool:
    """Return whether the live check missed the key that the gate shows Weaviate, or that was not taken.

    Such a key may be of a Secret that was made anew by an operator that came to no end.
    """
    conditions = status.get("conditions", [])
    found = (one["reason"] for one in conditions if one["type"] == ConditionType.VERIFIED)
    return next(found, None) in {Reason.WEAVIATE_KEY_MISSING, Reason.WEAVIATE_KEY_REFUSED}


def mentions(workload: Object | None, secret: str) -> bool:
    """Return whether the pods of a workload are made with a Secret, as variables or as a volume."""
    pod = (workload or {}).get("spec", {}).get("template", {}).get("spec", {})
    volumes = (volume.get("secret", {}).get("secretName") for volume in pod.get("volumes", []))
    variables = (
        one.get("valueFrom", {}).get("secretKeyRef", {}).get("name")
        for container in pod.get("containers", [])
        for one in container.get("env", [])
    )
    return secret in volumes or secret in variables


def authentication_status(
    key_namespace: str, access: Access | None, made: str
) -> AuthenticationStatus | None:
    """Return what the status says of it; None where somebody else runs Weaviate."""
    if access is None:
        return None
    entry = access.entries[0].entry if access.entries else ""
    path = entry.replace(".", "\\.")
    command = (
        f"kubectl get secret -n {key_namespace} {access.secret} -o jsonpath='{{.data.{path}}}' | base64 -d"
    )
    return AuthenticationStatus(
        anonymous_access=access.anonymous,
        secret=access.secret or None,
        key_command=command if access.secret else None,
        made_secret=made or None,
        note=LEFT_OPEN if access.left_open else None,
    )


def is_on(value: str) -> bool:
    """Return whether Weaviate takes the value of a variable for yes."""
    return value.lower() in _ON


def _variable(stateful_set: Object, name: str) -> str:
    """Return the value of a variable of Weaviate's container; "" where it has none, or one from elsewhere."""
    containers = stateful_set.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])
    for container in containers:
        if container.get("name") == Component.WEAVIATE:
            found = (one.get("value", "") for one in container.get("env", []) if one.get("name") == name)
            return str(next(found, ""))
    return ""
