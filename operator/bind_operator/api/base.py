"""All models of the resource share one base, and their values these types."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

PROFILED = "x-bind-profiled"
"""A field marked so has no default in the definition, because it could not be told from a user's value.

The operator fills it in: with what the profile says, else with the default of the model.
"""

QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"


class ApiModel(BaseModel):
    """A frozen part of the resource, written in camelCase; a field that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


def _as_text(value: object) -> object:
    """Return a number as text, because `cpu: 1` and `cpu: "1"` mean the same."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else value


Quantity = Annotated[
    str,
    BeforeValidator(_as_text),
    Field(pattern=QUANTITY_PATTERN, max_length=32),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "pattern": QUANTITY_PATTERN, "maxLength": 32}),
]
"""It is a Kubernetes quantity (`500m`, `2Gi`), kept as written."""

RawObject = Annotated[
    dict[str, Any], WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
]
"""It is an object of Kubernetes' own API and goes through as it is; the API server checks it in the pod."""

Text = Annotated[str, Field(max_length=253)]
"""It is a short string: a name, a key or a part of an image."""
