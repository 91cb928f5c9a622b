"""The comments of a values.yaml name these types, which are JSON Schema.

Those that the resource has too are taken from its models and rules.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, get_args

from bind_operator.api.base import QUANTITY_PATTERN
from bind_operator.api.model import ModelName, Precision
from bind_operator.api.network import IpFamily, IpFamilyPolicy
from bind_operator.api.parts import PullPolicy
from bind_operator.api.rules.backup import PERIOD_PATTERN
from bind_operator.api.rules.basics import RESOURCE_NAME_PATTERN
from bind_operator.api.rules.exposure import HOST_PATTERN
from bind_operator.api.rules.external import ADDRESS_PATTERN
from bind_operator.api.rules.images import DIGEST_PATTERN, TAG_PATTERN
from bind_operator.api.rules.rule import ENV_NAME_PATTERN, OBJECT_NAME_PATTERN
from bind_operator.api.rules.weights import (
    CLAIM_PATTERN,
    INNER_PATH_PATTERN,
    REFERENCE_PATTERN,
    SHA256_PATTERN,
    URL_PATTERN,
)
from bind_operator.api.spec import DeletionPolicy
from bind_operator.docs.profile_schema import profiles_schema
from bind_operator.settings import LogLevel

Schema = dict[str, Any]

_RANGE = re.compile(r"integer from (\d+)(?: to (\d+))?")
_TEXT: Schema = {"type": "string"}
_OBJECT: Schema = {"type": "object"}
_NAMESPACE = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"


def _text(pattern: str) -> Schema:
    return {"type": "string", "pattern": pattern}


def _optional(pattern: str) -> Schema:
    """Return the schema of a text that is empty or has `pattern`, which is of the whole text."""
    return _text(f"^({pattern.removeprefix('^').removesuffix('$')})?$")


def _choice(values: type[StrEnum] | list[str]) -> Schema:
    return {"enum": [str(value) for value in values]}


def _list(items: Schema, least: int = 0) -> Schema:
    return {"type": "array", "items": items} | ({"minItems": least} if least else {})


def _map(values: Schema, names: str = "") -> Schema:
    schema: Schema = {"type": "object", "additionalProperties": values}
    return schema | ({"propertyNames": {"pattern": names}} if names else {})


def group(properties: Mapping[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    """Return the schema of a map that has these keys and no others."""
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": dict(properties)}
    return schema | ({"required": list(required)} if required else {})


def _integer(least: int, most: int | None = None) -> Schema:
    return {"type": "integer", "minimum": least} | ({} if most is None else {"maximum": most})


def _or_nothing(schema: Schema) -> Schema:
    return schema | {"type": [schema["type"], "null"]}


def _or_empty_map(schema: Schema) -> Schema:
    """Return `schema`, or `{}`, which is upstream's nothing of any type."""
    return schema | {"type": [schema["type"], "object"], "maxProperties": 0}


_PROBE: Mapping[str, Schema] = MappingProxyType(
    {
        "initialDelaySeconds": _integer(0),
        "periodSeconds": _integer(1),
        "timeoutSeconds": _integer(1),
        "failureThreshold": _integer(1),
        "successThreshold": _integer(1),
    }
)
_CONTAINERS = _list(_OBJECT | {"required": ["name", "image"]})
_AMOUNTS = _map({"type": ["string", "number"]})
_LIST_OF_OBJECTS = _list(_OBJECT)

TYPES: Mapping[str, Schema] = MappingProxyType(
    {
        # Of the resource, too.
        "deletion policy": _choice(DeletionPolicy),
        "model": _choice(ModelName),
        "precision": _choice(Precision),
        "pull policy": _choice(PullPolicy),
        "log level": _choice(list(get_args(LogLevel))),
        "claim name": _optional(CLAIM_PATTERN),
        "digest": _optional(DIGEST_PATTERN),
        "period or empty": _optional(PERIOD_PATTERN),
        "environment": _map({"type": ["string", "number", "boolean"]}, ENV_NAME_PATTERN),
        "extended resource": _text(RESOURCE_NAME_PATTERN),
        "host name or empty": _optional(HOST_PATTERN),
        "image reference": _optional(REFERENCE_PATTERN),
        "path in a volume": _text(INNER_PATH_PATTERN),
        "quantity": {"type": ["string", "integer"], "pattern": QUANTITY_PATTERN},
        "SHA-256": _optional(SHA256_PATTERN),
        "tag": _text(TAG_PATTERN),
        "tag or empty": _optional(TAG_PATTERN),
        "URL": _optional(URL_PATTERN),
        # Of Kubernetes.
        "access modes": _list(
            _choice(["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany", "ReadOnlyMany"]), least=1
        ),
        "IP families": _list(_choice(IpFamily)) | {"maxItems": 2},
        "IP family policy or empty": _choice(["", *IpFamilyPolicy]),
        "name": {"type": "string", "minLength": 1},
        "name or empty": {"type": ["string", "null"]},
        "namespace or empty": _optional(_NAMESPACE),
        "namespaces": _list(_text(f"^{_NAMESPACE}$")),
        "port": _integer(1024, 65535),
        "probe": group(_PROBE),
        "probe of any kind": group(
            {
                **_PROBE,
                "enabled": {"type": "boolean"},
                "probeType": _choice(["httpGet", "tcpSocket", "exec", "grpc"]),
                "probe": _OBJECT,
            }
        ),
        "pull secrets": _list({"type": ["string", "object"]}),
        "resources": group({"requests": _AMOUNTS, "limits": _AMOUNTS, "claims": _LIST_OF_OBJECTS}),
        "secrets of variables": _map(_TEXT, ENV_NAME_PATTERN) | {"type": ["object", "null"]},
        "service ports": _list(
            group(
                {
                    "name": _TEXT,
                    "protocol": {"enum": ["TCP"]},
                    "port": _integer(1, 65535),
                    "nodePort": {"type": "integer"},
                    "appProtocol": _TEXT,
                },
                required=("name", "port"),
            ),
            least=1,
        ),
        "volumes": _list(_OBJECT | {"required": ["name"]}),
        "volume mounts": _list(_OBJECT | {"required": ["name", "mountPath"]}),
        "containers": _CONTAINERS,
        "containers or none": _or_empty_map(_CONTAINERS),
        "service type": _choice(["ClusterIP", "NodePort", "LoadBalancer"]),
        # Of this project.
        "profiles": profiles_schema(),
        "body size": _text("^[1-9][0-9]*(KiB|MiB|GiB)$"),
        "anything": {},
        "boolean": {"type": "boolean"},
        "cluster node": _optional(OBJECT_NAME_PATTERN),
        "duration": _text(r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"),
        "address": _optional(ADDRESS_PATTERN),
        "address or none": _or_empty_map(_optional(ADDRESS_PATTERN)),
        "domain with its final dot": _text(r"^[a-z0-9.-]+\.$"),
        "list of objects": _LIST_OF_OBJECTS,
        "list of objects or nothing": _or_nothing(_LIST_OF_OBJECTS),
        "list of texts": _list(_TEXT),
        "list of variables": _list(_OBJECT | {"required": ["name"]}),
        "map of texts": _map(_TEXT),
        "map of texts or nothing": _or_nothing(_map(_TEXT)),
        "object": _OBJECT,
        "object or nothing": _or_nothing(_OBJECT),
    }
)


def type_schema(name: str) -> Schema | None:
    """Return the schema of a type; None if there is none of that name.

    A name is one of TYPES, `integer from 1`, `integer from 1 to 20`, or the choices: `A, B or C`.
    """
    if name in TYPES:
        return TYPES[name]
    if found := _RANGE.fullmatch(name):
        return _integer(int(found[1]), int(found[2]) if found[2] else None)
    first, word, last = name.rpartition(" or ")
    return _choice([*first.split(", "), last]) if word else None


def default_schema(default: object) -> tuple[str, Schema] | None:
    """Return the name and the schema of the type that a default shows by itself; None if it shows none."""
    match default:
        case bool():
            return "boolean", {"type": "boolean"}
        case int():
            return "integer", _integer(0)
        case str():
            return "text", _TEXT
        case dict():
            return "object", _OBJECT
    return None
