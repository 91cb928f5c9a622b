"""These models say who may ask Weaviate: whoever has a key, users of an issuer, or whoever comes."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bind_operator.api.base import ApiModel, Text
from bind_operator.api.external import SecretKey

MAX_USERS = 64

Address = Annotated[str, Field(max_length=2048)]
"""It is an https address."""


class KeyEntry(ApiModel):
    """A key, and the user that Weaviate takes its bearer for. Several keys may be of one user."""

    entry: Text = Field(description="The entry of the Secret that holds the key.")
    user: Text = Field(description="Name of the user.")


ADMIN = KeyEntry(entry="admin", user="admin")
READ_ONLY = KeyEntry(entry="read-only", user="read-only")
OPERATOR_ENTRY = "operator"
OPERATOR = KeyEntry(entry=OPERATOR_ENTRY, user="bind-operator")
"""The operator's own user, by which it backs up. Only in a Secret that it makes itself."""
OWN_ENTRIES = (ADMIN, READ_ONLY)
"""The Secret that the operator makes has these entries, and the operator's own."""


class ApiKeys(ApiModel):
    """The API keys that Weaviate takes. No key is in the spec: the pods get them from the Secret."""

    enabled: bool = Field(True, description="False: there are none, and no Secret is made.")
    secret_name: Text | None = Field(
        None,
        description="Name of a Secret in the resource's namespace. Unset: the operator makes one, "
        "`<name>-weaviate-keys`, once, and writes it never again.",
    )
    entries: list[KeyEntry] | None = Field(
        None,
        min_length=1,
        max_length=MAX_USERS,
        description="Entries of the Secret, each with its user. Unset: `admin` and `read-only`, of the users "
        "of these names, as the operator makes them. A Secret that it makes has the entry `operator`, too.",
    )
    revision: Text | None = Field(
        None,
        description="Any text. Another one restarts the pods of Weaviate one by one, which read the Secret "
        "when they start: change it after the Secret.",
    )


class Oidc(ApiModel):
    """An OpenID Connect issuer whose tokens Weaviate takes."""

    issuer: Address = Field(description="Address of the issuer, as in its tokens.")
    client_id: Text | None = Field(
        None, description="The audience that a token must have. Needed unless `skipClientIdCheck` is true."
    )
    skip_client_id_check: bool = Field(False, description="True takes tokens for any audience.")
    username_claim: Text = Field(
        "sub",
        description="The claim of a token that is the user's name: one that users cannot choose themselves, "
        "because a user of a key and one of the issuer are the same where their names are.",
    )
    groups_claim: Text | None = Field(None, description="The claim that lists the user's groups.")
    scopes: list[Text] = Field(
        default_factory=list, max_length=32, description="Scopes that Weaviate tells clients to ask for."
    )
    jwks_url: Address | None = Field(
        None,
        description="Address of the issuer's public keys. Unset: the issuer tells it, and Weaviate does not "
        "start while nobody answers.",
    )
    certificate: SecretKey | None = Field(
        None,
        description="The certificate of the authority that signed the issuer's, in PEM. Unset: the "
        "authorities that everybody trusts.",
    )


class Authorization(StrEnum):
    """It says who decides what a user may do."""

    ADMIN_LIST = "AdminList"
    RBAC = "RBAC"


class Authentication(ApiModel):
    """It says who may ask Weaviate, and for what."""

    anonymous_access: bool = Field(
        False,
        description="True answers whoever comes, without a key. Where nothing else is set beside it, "
        "there are no keys and everybody may do everything; else as the user `anonymous`.",
    )
    api_keys: ApiKeys | None = Field(
        None,
        description="API keys. Unset: those of the Secret that the operator makes; none with "
        "`anonymousAccess`.",
    )
    oidc: Oidc | None = Field(None, description="An OpenID Connect issuer. Unset: none.")
    authorization: Authorization = Field(
        Authorization.ADMIN_LIST,
        description="AdminList: the users and groups listed here may do everything, or only read, and others "
        "nothing. RBAC: those that are listed have the root role, and Weaviate gives roles to all others.",
    )
    admin_users: list[Text] | None = Field(
        None, max_length=MAX_USERS, description="Users who may do everything. Unset: `admin`."
    )
    read_only_users: list[Text] | None = Field(
        None,
        max_length=MAX_USERS,
        description="Users who may only read, with AdminList. Unset: `read-only`.",
    )
    admin_groups: list[Text] = Field(
        default_factory=list, max_length=MAX_USERS, description="Groups of OIDC that may do everything."
    )
    read_only_groups: list[Text] = Field(
        default_factory=list, max_length=MAX_USERS, description="Groups of OIDC that may only read."
    )
    database_users: bool = Field(
        False,
        description="True lets Weaviate keep users itself, made and deleted through its API, and with other "
        "keys, while it runs. Needs RBAC.",
    )


class InferenceKeys(ApiModel):
    """The keys of the inference server, which then answers only who shows one; the gate shows its own."""

    secret_name: Text | None = Field(
        None,
        description="Name of a Secret in the resource's namespace. Unset: the operator makes one, "
        "`<name>-inference-keys`, once, and writes it never again.",
    )
    server_entry: Text = Field(
        "server", description="The entry with all keys that the server takes, one a line."
    )
    gate_entry: Text = Field("gate", description="The entry with the one that the gate shows.")
    required: bool = Field(
        True,
        description="False: the gate shows its key, and the server takes whoever comes. So keys are turned "
        "on, or off, with no request refused: false first, and the next step when the resource is Ready.",
    )


class Mcp(ApiModel):
    """Weaviate's server of the Model Context Protocol, at `/v1/mcp` of its REST address."""

    enabled: bool = Field(False, description="True turns it on. Needs Weaviate 1.37 or newer.")
    write_access: bool = Field(
        False, description="True lets users who may write do so by it too; false lets nobody."
    )
