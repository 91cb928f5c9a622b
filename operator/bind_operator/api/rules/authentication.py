"""These rules are about who may ask Weaviate."""

from bind_operator.api.rules.external import ENTRY_PATTERN, OBJECT_NAME_PATTERN
from bind_operator.api.rules.rule import Rule, pattern_rule

MODULE = "multi2vec-bind"
AT = "spec.weaviate.authentication"
ISSUER_PATTERN = r"^https?://[^ ,]+$"
USER_PATTERN = r"^[^, ]+$"
"""Weaviate takes lists with commas between, and trims nothing."""
TOO_OLD_FOR_MCP = r"^(0|1[.]([0-9]|[12][0-9]|3[0-6]))[.]"
VARIABLES = r"^(AUTHENTICATION|AUTHORIZATION)_"
MCP_VARIABLES = r"^MCP_SERVER_(ENABLED|WRITE_ACCESS_ENABLED)$"

_USERS = ("adminUsers", "readOnlyUsers", "adminGroups", "readOnlyGroups")


def _names_rule(field: str) -> Rule:
    """Return the rule that the names of a list can stand in Weaviate's own list of them."""
    return Rule(
        name=f"authentication-{field}".lower(),
        at=AT,
        cel=f"!has(self.{field}) || self.{field}.all(e, e.matches('{USER_PATTERN}'))",
        message=f"{AT}.{field} must be names without commas and spaces; rename them",
        field_path=f".{field}",
    )


AUTHENTICATION_RULES = (
    Rule(
        name="authentication-lets-somebody-in",
        at=AT,
        cel="(has(self.anonymousAccess) && self.anonymousAccess) || has(self.oidc) || !has(self.apiKeys) || "
        "!has(self.apiKeys.enabled) || self.apiKeys.enabled || "
        "(has(self.databaseUsers) && self.databaseUsers)",
        message=f"{AT} lets nobody in: anonymousAccess is false, apiKeys.enabled is false and there is no "
        "oidc; turn one of them on",
        field_path=".apiKeys",
    ),
    pattern_rule(
        "authentication-keys-secret",
        f"{AT}.apiKeys",
        "secretName",
        OBJECT_NAME_PATTERN,
        "be the name of a Secret; give one that `kubectl get secret` shows, or leave it out",
    ),
    Rule(
        name="authentication-keys-entries",
        at=f"{AT}.apiKeys",
        cel=f"!has(self.entries) || self.entries.all(e, e.entry.matches('{ENTRY_PATTERN}') && "
        f"e.user.matches('{USER_PATTERN}'))",
        message=f"{AT}.apiKeys.entries must have an entry of the Secret, and a user without commas and "
        "spaces; rename them",
        field_path=".entries",
    ),
    Rule(
        name="authentication-keys-entries-once",
        at=f"{AT}.apiKeys",
        cel="!has(self.entries) || self.entries.all(e, self.entries.exists_one(o, o.entry == e.entry))",
        message=f"{AT}.apiKeys.entries must not name an entry twice, because Weaviate takes no key twice; "
        "remove one",
        field_path=".entries",
    ),
    *(_names_rule(field) for field in _USERS),
    Rule(
        name="authentication-users-apart",
        at=AT,
        cel="!has(self.adminUsers) || !has(self.readOnlyUsers) || "
        "self.adminUsers.all(e, !(e in self.readOnlyUsers))",
        message=f"{AT}.adminUsers and readOnlyUsers must not share a user, because Weaviate would not start; "
        "remove it from one of them",
        field_path=".readOnlyUsers",
    ),
    Rule(
        name="authentication-keys-of-listed-users",
        at=AT,
        cel="!has(self.apiKeys) || !has(self.apiKeys.entries) || "
        "(has(self.authorization) && self.authorization == 'RBAC') || self.apiKeys.entries.all(e, "
        "(has(self.adminUsers) ? e.user in self.adminUsers : e.user == 'admin') || "
        "(has(self.readOnlyUsers) ? e.user in self.readOnlyUsers : e.user == 'read-only'))",
        message=f"{AT}.apiKeys.entries has a user who is in neither adminUsers nor readOnlyUsers (unset: "
        "admin, read-only), and so may do nothing; list the user there",
        field_path=".apiKeys.entries",
    ),
    Rule(
        name="authentication-rbac-has-no-read-only-users",
        at=AT,
        cel="!has(self.readOnlyUsers) || !has(self.authorization) || self.authorization != 'RBAC'",
        message=f"{AT}.readOnlyUsers is of AdminList; with RBAC remove it, and give the role viewer to the "
        "user through Weaviate",
        field_path=".readOnlyUsers",
    ),
    Rule(
        name="authentication-database-users-need-rbac",
        at=AT,
        cel="!has(self.databaseUsers) || !self.databaseUsers || "
        "(has(self.authorization) && self.authorization == 'RBAC')",
        message=f"{AT}.databaseUsers needs authorization RBAC, because a new user has no rights but by a "
        "role; set it, or turn databaseUsers off",
        field_path=".databaseUsers",
    ),
    Rule(
        name="authentication-groups-need-oidc",
        at=AT,
        cel="(has(self.oidc) && has(self.oidc.groupsClaim)) || "
        "((!has(self.adminGroups) || self.adminGroups.size() == 0) && "
        "(!has(self.readOnlyGroups) || self.readOnlyGroups.size() == 0))",
        message=f"{AT}.adminGroups and readOnlyGroups are only used with oidc.groupsClaim; set it, or remove "
        "them",
        field_path=".oidc",
    ),
    pattern_rule(
        "authentication-oidc-issuer",
        f"{AT}.oidc",
        "issuer",
        ISSUER_PATTERN,
        "be an https:// address; write it as the issuer's tokens have it",
    ),
    pattern_rule(
        "authentication-oidc-jwks-url",
        f"{AT}.oidc",
        "jwksUrl",
        ISSUER_PATTERN,
        "be an https:// address; write it as the issuer's configuration has it",
    ),
    Rule(
        name="authentication-oidc-client",
        at=f"{AT}.oidc",
        cel="has(self.clientId) || (has(self.skipClientIdCheck) && self.skipClientIdCheck)",
        message=f"{AT}.oidc.clientId is not set, so Weaviate would not start; set it, or set "
        "skipClientIdCheck to true to take tokens for any audience",
        field_path=".clientId",
    ),
    Rule(
        name="authentication-oidc-scopes",
        at=f"{AT}.oidc",
        cel=f"!has(self.scopes) || self.scopes.all(e, e.matches('{USER_PATTERN}'))",
        message=f"{AT}.oidc.scopes must be scopes without commas and spaces; give each as an item of its own",
        field_path=".scopes",
    ),
    pattern_rule(
        "authentication-oidc-certificate-secret",
        f"{AT}.oidc.certificate",
        "name",
        OBJECT_NAME_PATTERN,
        "be the name of a Secret; give one that `kubectl get secret` shows",
    ),
    pattern_rule(
        "authentication-oidc-certificate-entry",
        f"{AT}.oidc.certificate",
        "key",
        ENTRY_PATTERN,
        "be an entry of that Secret; give one that `kubectl describe secret` shows",
    ),
    pattern_rule(
        "inference-keys-secret",
        "spec.inference.apiKeys",
        "secretName",
        OBJECT_NAME_PATTERN,
        "be the name of a Secret; give one that `kubectl get secret` shows, or leave it out",
    ),
    *(
        pattern_rule(
            f"inference-keys-{field}".lower(),
            "spec.inference.apiKeys",
            field,
            ENTRY_PATTERN,
            "be an entry of that Secret; give one that `kubectl describe secret` shows",
        )
        for field in ("serverEntry", "gateEntry")
    ),
    Rule(
        name="inference-keys-need-our-server",
        at="spec.inference",
        cel="!has(self.apiKeys) || !has(self.image.repository) || "
        f"!self.image.repository.matches('(^|/){MODULE}$')",
        message=f"spec.inference.apiKeys is not used with the image {MODULE}, which asks nobody for a key; "
        "remove it, or use the image bind-inference",
        field_path=".apiKeys",
    ),
    Rule(
        name="authentication-or-variables",
        at="spec.weaviate",
        cel=f"!has(self.authentication) || !has(self.env) || self.env.all(k, !k.matches('{VARIABLES}'))",
        message="spec.weaviate.env must not set AUTHENTICATION_… or AUTHORIZATION_… beside "
        "spec.weaviate.authentication, because one would undo the other; move them into that section",
        field_path=".env",
    ),
    Rule(
        name="mcp-needs-its-version",
        at="spec.weaviate",
        cel="!has(self.mcp) || !has(self.mcp.enabled) || !self.mcp.enabled || "
        f"!self.version.matches('{TOO_OLD_FOR_MCP}')",
        message="spec.weaviate.mcp came with Weaviate 1.37; set spec.weaviate.version to that or a newer "
        "one, or turn mcp off",
        field_path=".mcp",
    ),
    Rule(
        name="mcp-writes-where-it-is-on",
        at="spec.weaviate.mcp",
        cel="!has(self.writeAccess) || !self.writeAccess || (has(self.enabled) && self.enabled)",
        message="spec.weaviate.mcp.writeAccess is only used with mcp.enabled; set that, or remove it",
        field_path=".writeAccess",
    ),
    Rule(
        name="mcp-or-variables",
        at="spec.weaviate",
        cel=f"!has(self.mcp) || !has(self.env) || self.env.all(k, !k.matches('{MCP_VARIABLES}'))",
        message="spec.weaviate.env must not set MCP_SERVER_ENABLED or MCP_SERVER_WRITE_ACCESS_ENABLED beside "
        "spec.weaviate.mcp; move them into that section",
        field_path=".env",
    ),
)
