"""These rules are about where pods run, and as whom."""

from dataclasses import replace

from bind_operator.api.rules.rule import OBJECT_NAME_PATTERN, Rule, env_texts_rule, pattern_rule


def _account_rules(section: str) -> tuple[Rule, ...]:
    """Return the rules of `spec.<section>.serviceAccount`."""
    at = f"spec.{section}.serviceAccount"
    return (
        pattern_rule(
            f"{section}-service-account-name",
            at,
            "name",
            OBJECT_NAME_PATTERN,
            "be the name of a ServiceAccount; give one that `kubectl get serviceaccount` shows",
        ),
        Rule(
            name=f"{section}-service-account-annotations",
            at=at,
            cel="!has(self.annotations) || self.annotations.size() == 0 || has(self.create) && self.create",
            message=f"{at}.annotations are those of an account that is made; set create to true, or annotate "
            "the account that is there",
            field_path=".annotations",
        ),
        replace(
            env_texts_rule(section, "serviceAccount.annotations", "self[e]", "write it in other characters"),
            name=f"{section}-service-account-texts",
        ),
    )


PLACEMENT_RULES = (*_account_rules("weaviate"), *_account_rules("inference"))
