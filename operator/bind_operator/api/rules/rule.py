"""A rule is one text for the API server and offline; rules of one form are made by one function."""

from dataclasses import dataclass

from bind_operator.api.parts import Resources

UNHELD_PATTERN = r"[\\x{7f}-\\x{9f}\\x{fffe}\\x{ffff}]"
"""Server-side apply reads objects as YAML, which refuses these characters, and folds U+0085 into a space.

Backslashes are doubled, as in a literal of CEL.
"""
ENV_NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
NETWORK_PATTERN = r"^([0-9]{1,3}([.][0-9]{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)/[0-9]{1,3}$"
"""It tells a network from an address or a name; what is no network either, the API server refuses."""
OBJECT_NAME_PATTERN = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"

_CEL_LIMITS = (
    "!has(self.limits) || !has(self.requests) || self.requests.all(k, !(k in self.limits) || "
    "quantity(string(self.limits[k])).compareTo(quantity(string(self.requests[k]))) >= 0)"
)


@dataclass(frozen=True)
class Rule:
    """A rule knows where it sits in the schema, when it holds, and what it says when it does not."""

    name: str
    at: str
    """The schema node at this path carries it, such as `spec.inference.model`; empty for the whole object."""
    cel: str
    message: str
    field_path: str = ""
    """The error names this field, relative to `at`; empty for `at` itself."""

    @property
    def field(self) -> str:
        """The whole path of the field at fault."""
        return f"{self.at}{self.field_path}" or "metadata.name"


def cel_list(names: tuple[str, ...]) -> str:
    """Return CEL: a list of strings."""
    return "[" + ", ".join(f"'{name}'" for name in names) + "]"


def pattern_rule(name: str, at: str, field: str, pattern: str, must: str) -> Rule:
    """Return the rule that the optional `field` of `at` has `pattern` in it; `must` ends its message."""
    return Rule(
        name=name,
        at=at,
        cel=f"!has(self.{field}) || self.{field}.matches('{pattern}')",
        message=f"{at}.{field} must {must}",
        field_path=f".{field}",
    )


def limits_rule(section: str, defaults: Resources) -> Rule:
    """Return the rule that no limit of `spec.<section>.resources` is below its request."""
    at = f"spec.{section}.resources"
    unset = ", ".join(f"{name} {amount}" for name, amount in defaults.requests.items())
    return Rule(
        name=f"{section}-limits",
        at=at,
        cel=_CEL_LIMITS,
        message=f"{at}.limits must not be below requests (where unset: {unset}); raise the limit or set a "
        "lower request",
        field_path=".limits",
    )


def profiled_limits_rule(section: str, defaults: Resources) -> Rule:
    """Return the same rule where a profile may set both: they have no defaults in the definition."""
    both = f"self.{section}.resources"
    limits, requests = f"{both}.limits", f"{both}.requests"
    limits_alone = " && ".join(
        f"(!('{name}' in {limits}) || {_at_least(_held(f'{limits}[{name!r}]'), f'quantity({amount!r})')})"
        for name, amount in defaults.requests.items()
    )
    requests_alone = " && ".join(
        f"(!('{name}' in {requests}) || {_at_least(f'quantity({amount!r})', _held(f'{requests}[{name!r}]'))})"
        for name, amount in defaults.limits.items()
    )
    unset = ", ".join(
        f"{which} of {name} {amount}"
        for which, amounts in (("a request", defaults.requests), ("a limit", defaults.limits))
        for name, amount in amounts.items()
    )
    each = _at_least(_held(f"{limits}[k]"), _held(f"{requests}[k]"))
    together = f"{requests}.all(k, !(k in {limits}) || {each})"
    return Rule(
        name=f"{section}-limits",
        at="spec",
        cel=f"has({limits}) ? (has({requests}) ? {together} : (has(self.profile) || ({limits_alone}))) : "
        f"(!has({requests}) || has(self.profile) || ({requests_alone}))",
        message=f"spec.{section}.resources.limits must not be below requests (where unset and without a "
        f"profile: {unset}); raise the limit or set a lower request",
        field_path=f".{section}.resources.limits",
    )


def _held(place: str) -> str:
    """Return CEL: the quantity at a place, which may be a number there.

    Not of a literal: for the API server `string('1')` may be as long as an object, which is too dear a rule.
    """
    return f"quantity(string({place}))"


def _at_least(limit: str, request: str) -> str:
    """Return CEL: one quantity is not below another."""
    return f"{limit}.compareTo({request}) >= 0"


def env_names_rule(section: str, field: str, cel_name: str) -> Rule:
    """Return the rule that variables of `spec.<section>.<field>` can be set in a shell.

    cel_name: the name of an element `e` in CEL.
    """
    at = f"spec.{section}.{field}"
    return Rule(
        name=f"{section}-env-names",
        at=at,
        cel=f"self.all(e, {cel_name}.matches('{ENV_NAME_PATTERN}'))",
        message=f"{at} names must be letters, digits and '_', not beginning with a digit; rename the "
        "variable",
    )


def env_texts_rule(section: str, field: str, cel_value: str, remedy: str) -> Rule:
    """Return the rule that the values of `spec.<section>.<field>` can be brought into a pod as they are.

    cel_value: the value of an element `e` in CEL. remedy: what to do with one that cannot.
    """
    at = f"spec.{section}.{field}"
    return Rule(
        name=f"{section}-env-texts",
        at=at,
        cel=f"self.all(e, !{cel_value}.matches('{UNHELD_PATTERN}'))",
        message=f"{at} values must not hold the characters U+007F to U+009F, U+FFFE and U+FFFF, which "
        f"Kubernetes' server-side apply cannot carry; {remedy}",
    )
