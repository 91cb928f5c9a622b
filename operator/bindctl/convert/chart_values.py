"""Upstream's values that our chart has too, and the resource has no field for, go into `values`."""

from collections.abc import Mapping

from bindctl.convert.draft import Draft
from bindctl.convert.reading import Reading

_SAME = (
    *("updateStrategy", "podManagementPolicy", "terminationGracePeriodSeconds", "hostAliases"),
    *("securityContext", "containerSecurityContext"),
)
"""These have the same name and meaning in our chart."""
_SWITCHED = ("serviceMonitor", "collectionExport", "namespaces")
"""These too, where they are enabled."""
_STANDARD_DOMAIN = "cluster.local."
_SECRETS = ("secrets", "serviceAccountName")
_OWN = {
    **dict.fromkeys(
        ("startupProbe", "livenessProbe", "readinessProbe"),
        "the probes here are the chart's own: Weaviate is ready without an inference server",
    ),
    "command": "the command is the chart's own; see values.command",
    "args": "the flags are the chart's own; for others see values.args",
    "initContainers": "nothing runs before Weaviate here, and no container is privileged; set "
    "vm.max_map_count on the nodes, and see values.initContainers.extraInitContainers",
}


def read_chart_values(reading: Reading, draft: Draft) -> None:
    """Take what the chart does as upstream's does, and say what is its own."""
    for name in _SAME:
        if given := reading.take(name):
            draft.set(f"values.{name}", given)
    domain = reading.take("clusterDomain")
    draft.set("values.clusterDomain", domain if domain != _STANDARD_DOMAIN else None)
    for name in _SWITCHED:
        if reading.peek(name, "enabled"):
            draft.set(f"values.{name}", reading.peek(name))
        reading.tick(name)
    for name in ("custom_config_map", "runtime_overrides"):
        if not reading.peek(name, "enabled"):
            reading.tick(name)
    _read_providers(reading, draft)
    _read_budgets(reading, draft)
    for name, message in _OWN.items():
        if reading.peek(name):
            reading.advise((name,), message)


def _read_providers(reading: Reading, draft: Draft) -> None:
    """Take where tenants are offloaded to, and where usage is told, without keys as text."""
    for name in ("offload", "usage"):
        for provider, section in reading.section(name).items():
            if not isinstance(section, Mapping) or not section.get("enabled"):
                reading.tick(name, provider)
                continue
            kept = {key: value for key, value in section.items() if key not in _SECRETS and value}
            draft.put(f"values.{name}", provider, kept)
            for key in kept:
                reading.tick(name, provider, key)
            if section.get("secrets"):
                reading.lose(
                    (name, provider, "secrets"),
                    f"no secret stands in a resource; name a Secret in values.{name}.{provider}.envSecrets",
                )


def _read_budgets(reading: Reading, draft: Draft) -> None:
    """Take the budgets that are on; those of components that are not here say nothing."""
    for name, budget in reading.section("podDisruptionBudgets").items():
        if isinstance(budget, Mapping) and budget.get("enabled") and name in ("weaviate", "multi2vec-bind"):
            draft.put("values.podDisruptionBudgets", name, budget)
        reading.tick("podDisruptionBudgets", name)
