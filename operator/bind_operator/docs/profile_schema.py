"""The model of a hardware profile becomes JSON Schema, by which Helm refuses a bad one at installation."""

from typing import Any

from bind_operator.api.hardware import Gpu
from bind_operator.api.model import Precision
from bind_operator.api.profile import PROFILE_NAME_PATTERN, Profile
from bind_operator.api.rules.basics import CLAIM_NAME_PATTERN, RESOURCE_NAME_PATTERN
from bind_operator.api.schema import build_schema
from bind_operator.api.spec import Device

Schema = dict[str, Any]

_KEPT = ("type", "description", "enum", "pattern", "minimum", "maximum", "maxLength", "maxItems")


def profiles_schema() -> Schema:
    """Return the schema of all profiles by name."""
    profile = _plain(build_schema(Profile, ()))
    gpu = profile["properties"]["gpu"]["properties"]
    gpu["resourceName"]["pattern"] = RESOURCE_NAME_PATTERN
    claim = gpu["resourceClaims"]["items"]
    claim["properties"]["name"]["pattern"] = CLAIM_NAME_PATTERN
    claim["oneOf"] = [{"required": [name]} for name in ("resourceClaimName", "resourceClaimTemplateName")]
    profile["properties"]["gpu"] |= {"not": _claims_and_count()}
    profile |= {
        "if": {"properties": {"device": {"const": str(Device.CUDA)}}},
        "then": {"properties": {"precision": {"not": {"const": str(Precision.INT8)}}}},
        "else": {"properties": {"precision": {"not": {"const": str(Precision.FLOAT16)}}, "gpu": False}},
    }
    return {
        "type": "object",
        "propertyNames": {"pattern": PROFILE_NAME_PATTERN},
        "additionalProperties": profile,
    }


def _claims_and_count() -> Schema:
    """Return the schema of a GPU that is asked for in two ways at once."""
    claims = Gpu.model_fields["resource_claims"].alias
    ways = [{"required": ["resourceName"]}, {"required": ["count"]}]
    return {"required": [claims], "properties": {claims: {"minItems": 1}}, "anyOf": ways}


def _plain(node: Schema) -> Schema:
    """Return a structural schema as JSON Schema that takes no field which it does not name."""
    schema = {key: node[key] for key in _KEPT if key in node}
    if node.get("x-kubernetes-int-or-string"):
        schema["type"] = ["string", "number"]
    if "properties" in node:
        schema["properties"] = {name: _plain(child) for name, child in node["properties"].items()}
        schema["additionalProperties"] = False
        if node.get("required"):
            schema["required"] = node["required"]
    if "items" in node:
        schema["items"] = _plain(node["items"])
    if isinstance(node.get("additionalProperties"), dict):
        schema["additionalProperties"] = _plain(node["additionalProperties"])
    return schema
