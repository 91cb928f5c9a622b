"""Variables of Weaviate become fields of the resource, and all others go on to `weaviate.env`."""

import re
from collections.abc import Mapping
from typing import Any

from bind_operator.api.rules.authentication import MCP_VARIABLES, VARIABLES
from bind_operator.api.rules.weaviate import ADDRESS_GUARD, CHART_ENV, WEAVIATE_ENV
from bind_operator.goyaml import Path
from bindctl.convert.access import Access
from bindctl.convert.backups import BACKENDS, set_backup
from bindctl.convert.draft import Draft
from bindctl.convert.reading import Reading

MODULE = "multi2vec-bind"
_NEEDS_A_SERVER = frozenset(
    {
        "img2vec-neural",
        "multi2vec-clip",
        "ner-transformers",
        "qna-transformers",
        "ref2vec-centroid",
        "reranker-transformers",
        "sum-transformers",
        "text-spellcheck",
        "text2vec-contextionary",
        "text2vec-gpt4all",
        "text2vec-model2vec",
        "text2vec-transformers",
    }
)
"""Modules with a container or a switch of their own; all others of Weaviate ask somebody's API and are on."""
_SECRET = re.compile(
    r"(APIKEY|ALLOWED_KEYS|API_KEY|SECRET|PASSWORD|TOKEN|_CREDENTIALS|ACCESS_KEY_ID|STORAGE_KEY)$"
)
_SERVER_API = re.compile(r"_INFERENCE_API$")
_KEYS_OF_MODULES = {"databricks": "DATABRICKS_TOKEN", "friendliai": "FRIENDLI_TOKEN"}
_TRUE = frozenset({"true", "on", "enabled", "1"})


def is_true(value: object) -> bool:
    """Return whether Weaviate takes the value of a variable for yes."""
    return str(value).lower() in _TRUE


def as_text(value: object) -> str:
    """Return a value of YAML as the text of a variable."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def words(value: object) -> list[str]:
    """Return the parts of a list that commas part."""
    parts = value if isinstance(value, list) else as_text(value).split(",")
    return [text for part in parts if (text := as_text(part).strip())]


class Variables:
    """They are all variables of Weaviate, each with its place; what is taken is ticked off."""

    def __init__(self, reading: Reading, found: Mapping[str, tuple[Path, object]]) -> None:
        """Keep them. found: place and value by name."""
        self._reading = reading
        self._found = dict(found)

    def __contains__(self, name: str) -> bool:
        return name in self._found

    def names(self) -> list[str]:
        """Return the names of those that nobody has taken."""
        return list(self._found)

    def place(self, name: str) -> Path:
        """Return where a variable stands; the root where it is not set."""
        return self._found.get(name, ((), ""))[0]

    def take(self, name: str) -> str | None:
        """Return a variable's value, None where it is not set."""
        path, value = self._found.pop(name, ((), None))
        if path:
            self._reading.tick(*path)
        return None if value is None else as_text(value)


def read_access(variables: Variables, access: Access) -> None:
    """Lay what variables say over what is known of who may ask."""
    take = variables.take
    for name in ("AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED", "AUTHENTICATION_APIKEY_ENABLED"):
        if name in variables:
            access.keys_at = access.keys_at or variables.place(name)
    if (anonymous := take("AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED")) is not None:
        access.anonymous = is_true(anonymous)
    if (keyed := take("AUTHENTICATION_APIKEY_ENABLED")) is not None:
        access.has_keys = is_true(keyed)
    if "AUTHENTICATION_APIKEY_ALLOWED_KEYS" in variables:
        access.keys_at = variables.place("AUTHENTICATION_APIKEY_ALLOWED_KEYS")
        access.keys = len(words(take("AUTHENTICATION_APIKEY_ALLOWED_KEYS"))) or None
    if (users := take("AUTHENTICATION_APIKEY_USERS")) is not None:
        access.users = words(users)
    if is_true(take("AUTHENTICATION_DB_USERS_ENABLED")):
        access.database_users = True
    _read_oidc(variables, access)
    _read_rights(variables, access)


def _read_oidc(variables: Variables, access: Access) -> None:
    place = variables.place("AUTHENTICATION_OIDC_ENABLED")
    is_on = is_true(variables.take("AUTHENTICATION_OIDC_ENABLED"))
    fields = {
        "issuer": "ISSUER",
        "clientId": "CLIENT_ID",
        "usernameClaim": "USERNAME_CLAIM",
        "groupsClaim": "GROUPS_CLAIM",
        "jwksUrl": "JWKS_URL",
    }
    found: dict[str, Any] = {
        field: value
        for field, name in fields.items()
        if (value := variables.take(f"AUTHENTICATION_OIDC_{name}"))
    }
    if is_true(variables.take("AUTHENTICATION_OIDC_SKIP_CLIENT_ID_CHECK")):
        found["skipClientIdCheck"] = True
    if scopes := words(variables.take("AUTHENTICATION_OIDC_SCOPES")):
        found["scopes"] = scopes
    if is_on:
        access.oidc, access.oidc_at = found, place


def _read_rights(variables: Variables, access: Access) -> None:
    take = variables.take
    if is_true(take("AUTHORIZATION_ADMINLIST_ENABLED")):
        access.uses_list = True
    if is_true(take("AUTHORIZATION_RBAC_ENABLED")) or is_true(take("AUTHORIZATION_ENABLE_RBAC")):
        access.uses_rbac = True
    lists = {
        "admins": ("ADMINLIST_USERS", "RBAC_ROOT_USERS", "ADMIN_USERS"),
        "readers": ("ADMINLIST_READONLY_USERS", "VIEWER_USERS"),
        "admin_groups": ("ADMINLIST_GROUPS", "RBAC_ROOT_GROUPS"),
        "reader_groups": ("ADMINLIST_READONLY_GROUPS", "RBAC_READONLY_GROUPS"),
    }
    for field, names in lists.items():
        for name in names:
            if found := words(take(f"AUTHORIZATION_{name}")):
                setattr(access, field, found)


def read_modules(reading: Reading, variables: Variables) -> list[str]:
    """Return the modules of ENABLE_MODULES, and say what becomes of each but ours."""
    place = variables.place("ENABLE_MODULES")
    modules = words(variables.take("ENABLE_MODULES"))
    for module in modules:
        tell_of_module(reading, place, module)
    if modules and MODULE not in modules:
        reading.advise(place, f"does not have {MODULE}, which the resource enables")
    return modules


def tell_of_module(reading: Reading, place: Path, module: str) -> None:
    """Say what becomes of a module of Weaviate."""
    if module in _NEEDS_A_SERVER or module.startswith(("offload-", "usage-", "export-")):
        reading.lose(
            place, f"the module {module} has no counterpart; collections that use it stay where they are"
        )
    elif module != MODULE and not module.startswith("backup-"):
        reading.advise(place, f"the module {module} is on in any case, because it only asks an API")


def set_variables(draft: Draft, reading: Reading, variables: Variables, modules: list[str]) -> None:
    """Set the backup and all that is left of the variables."""
    take = variables.take
    chosen = take("DEFAULT_VECTORIZER_MODULE")
    if chosen and chosen != MODULE:
        draft.set("values.modules.default_vectorizer_module", chosen)
    if "PERSISTENCE_DATA_PATH" in variables:
        take("PERSISTENCE_DATA_PATH")
    backends = [name for name in BACKENDS if f"backup-{name}" in modules]
    set_backup(draft, reading, backends, variables)
    if is_true(take("MCP_SERVER_ENABLED")):
        draft.set("weaviate.mcp.enabled", True)
    if is_true(take("MCP_SERVER_WRITE_ACCESS_ENABLED")):
        draft.set("weaviate.mcp.writeAccess", True)
    for name in variables.names():
        place = variables.place(name)
        value = take(name) or ""
        if name in CHART_ENV:
            reading.advise(
                place, "is not set here: it follows from the replicas, the volume and the Services"
            )
        elif name in (*WEAVIATE_ENV, ADDRESS_GUARD) or re.match(f"{VARIABLES}|{MCP_VARIABLES}", name):
            reading.lose(place, "has no counterpart; see spec.weaviate in the reference of BindVectorizer")
        elif _SERVER_API.search(name):
            reading.lose(place, "is of a module that has no counterpart")
        elif is_secret(name):
            keep_secret(draft, reading, place, name)
        else:
            draft.put("weaviate.env", name, value)


def is_secret(name: str) -> bool:
    """Return whether a variable is likely to hold a secret."""
    return _SECRET.search(name) is not None


def key_of_module(module: str) -> str:
    """Return the variable by which Weaviate gets the key of a module that asks an API."""
    provider = module.rpartition("-")[2]
    return _KEYS_OF_MODULES.get(provider, f"{provider.upper()}_APIKEY")


def keep_secret(draft: Draft, reading: Reading, place: Path, name: str) -> None:
    """Let a variable come from a Secret, which somebody has to make: no secret stands in a resource."""
    secret = f"{draft.name}-env"
    draft.put("values.envSecrets", name, secret)
    reading.advise(
        place,
        f"no secret stands in a resource; put it into the entry {name} of a Secret: "
        f"kubectl create secret generic {secret} --from-file={name}=FILE",
    )
