"""A manifest becomes a BindVectorizer, or an error that a person can act on."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from bind_operator.api.base import QUANTITY_PATTERN
from bind_operator.api.evaluation import broken_rules
from bind_operator.api.spec import BindVectorizer
from bind_operator.errors import InvalidSpec

_REMEDIES = {
    "extra_forbidden": "no such field; remove it or check its spelling",
    "missing": "is required; set it",
}


def parse_resource(manifest: Mapping[str, Any]) -> BindVectorizer:
    """Return the resource in `manifest`, with its defaults.

    Raises InvalidSpec, whose message has a line for each fault with the field and the remedy; the faults are
    those for which the API server refuses the object, other than the ones that need its past.
    """
    try:
        resource = BindVectorizer.model_validate(dict(manifest))
    except ValidationError as error:
        raise InvalidSpec("\n".join(place_faults(error))) from error
    return _held_to_rules(resource)


def parse_stored(manifest: Mapping[str, Any]) -> tuple[BindVectorizer, tuple[str, ...]]:
    """Return the resource in `manifest` without the fields that are unknown here, and the paths of those.

    A stored object was held to the API server's definition, so what is unknown here is not misspelt: the
    definition is newer than this operator. Raises InvalidSpec as `parse_resource` does.
    """
    try:
        resource = BindVectorizer.model_validate(dict(manifest))
    except ValidationError as error:
        places = [item["loc"] for item in error.errors() if item["type"] == "extra_forbidden"]
        known = copy.deepcopy(dict(manifest))
        for place in places:
            *above, name = place
            node: Any = known
            for part in above:
                node = node[part]
            del node[name]
        return parse_resource(known), tuple(sorted(dotted(place) for place in places))
    return _held_to_rules(resource), ()


def place_faults(error: ValidationError) -> list[str]:
    """Return a line for each fault that pydantic found: the field and what to do."""
    return [_fault(item) for item in error.errors()]


def _held_to_rules(resource: BindVectorizer) -> BindVectorizer:
    """Return `resource`. Raises InvalidSpec for the rules that it breaks."""
    faults = [f"{rule.field}: {rule.message}" for rule in broken_rules(resource)]
    if faults:
        raise InvalidSpec("\n".join(faults))
    return resource


def dotted(place: Sequence[int | str]) -> str:
    """Return a path as people write it: spec.inference.extraEnv[0].name."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def _fault(item: Mapping[str, Any]) -> str:
    """Return one line for one fault that pydantic found."""
    path = dotted(item["loc"])
    message = _REMEDIES.get(item["type"], item["msg"].removeprefix("Value error, "))
    if item.get("ctx", {}).get("pattern") == QUANTITY_PATTERN:
        message = "must be a quantity; write it as 500m, 2 or 2Gi"
    return f"{path or 'the manifest'}: {message}"
