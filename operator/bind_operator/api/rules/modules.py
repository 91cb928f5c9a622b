"""These rules are about other modules of Weaviate."""

from bind_operator.api.modules import KEYLESS
from bind_operator.api.rules.external import ENTRY_PATTERN
from bind_operator.api.rules.rule import OBJECT_NAME_PATTERN, Rule, cel_list

_AT = "spec.weaviate.modules"
_KEYED = "!has(e.apiKey) || "

MODULE_RULES = (
    Rule(
        name="modules-once",
        at=_AT,
        cel="self.all(e, self.exists_one(o, o.name == e.name))",
        message=f"{_AT} must not name a module twice; remove one",
    ),
    Rule(
        name="modules-keys",
        at=_AT,
        cel=f"self.all(e, {_KEYED}e.apiKey.name.matches('{OBJECT_NAME_PATTERN}') && "
        f"e.apiKey.key.matches('{ENTRY_PATTERN}'))",
        message=f"{_AT} must have the name of a Secret and an entry of it in apiKey; give what "
        "`kubectl get secret` shows",
    ),
    Rule(
        name="modules-without-keys",
        at=_AT,
        cel=f"self.all(e, {_KEYED}!(e.name in {cel_list(KEYLESS)}))",
        message=f"{_AT} must have no apiKey where the module has none ({', '.join(KEYLESS)}); remove it: the "
        "first has the identity of spec.weaviate.serviceAccount",
    ),
)
