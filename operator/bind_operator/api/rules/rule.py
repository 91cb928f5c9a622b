"""What a rule is, and what several of them are made of."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from bind_operator.api.parts import Resources
from bind_operator.api.quantity import parse_quantity
from bind_operator.api.spec import BindVectorizer

ENV_NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"

CEL_LIMITS = (
    "!has(self.limits) || !has(self.requests) || self.requests.all(k, !(k in self.limits) || "
    "quantity(string(self.limits[k])).compareTo(quantity(string(self.requests[k]))) >= 0)"
)
CEL_CLASS_IS_FIXED = (
    "has(self.storageClassName) == has(oldSelf.storageClassName) && "
    "(!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)"
)


@dataclass(frozen=True)
class Rule:
    """One rule: where it sits in the schema, when it holds, and what it says when it does not."""

    name: str
    at: str
    """Path of the schema node that carries it, such as `spec.inference.model`; empty for the whole object."""
    cel: str
    message: str
    field_path: str = ""
    """The field that the error names, relative to `at`; empty for `at` itself."""
    holds: Callable[[BindVectorizer], bool] | None = None
    """The offline form; None for a transition rule."""

    @property
    def field(self) -> str:
        """The whole path of the field at fault."""
        return f"{self.at}{self.field_path}" or "metadata.name"


def matches(pattern: str, value: str | None) -> bool:
    """Whether `value`, if there is one, has `pattern` in it."""
    return value is None or re.search(pattern, value) is not None


def within_limits(resources: Resources) -> bool:
    """Whether no request is above its limit."""
    return all(
        parse_quantity(request) <= parse_quantity(resources.limits.get(name, request))
        for name, request in resources.requests.items()
    )


def cel_pattern(field: str, pattern: str) -> str:
    """Return CEL: an optional field matches `pattern`."""
    return f"!has(self.{field}) || self.{field}.matches('{pattern}')"


def cel_list(names: tuple[str, ...]) -> str:
    """Return CEL: a list of strings."""
    return "[" + ", ".join(f"'{name}'" for name in names) + "]"
