"""Values of upstream's chart (weaviate-helm) become a resource.

A value that a file leaves out is as that chart has it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bind_operator.goyaml import Path
from bindctl.convert.access import Access, secret_name, set_access
from bindctl.convert.backups import BACKENDS, set_backup
from bindctl.convert.draft import Draft
from bindctl.convert.images import set_gpu, set_resources
from bindctl.convert.reading import Reading
from bindctl.convert.server import set_server_image, tell_of_data
from bindctl.convert.variables import (
    MODULE,
    Variables,
    keep_secret,
    key_of_module,
    read_access,
    set_variables,
    tell_of_module,
    words,
)

_KNOWN = frozenset(
    {
        "authentication",
        "backups",
        "env",
        "envSecrets",
        "grpcService",
        "image",
        "modules",
        "service",
        "storage",
    }
)
_BIND: Path = ("modules", MODULE)
_DEFAULTS = {"QUERY_DEFAULTS_LIMIT": "100", "QUERY_MAXIMUM_RESULTS": "100000"}
"""Upstream's chart sets these where nobody else does; Weaviate's own are lower."""
_AFFINITY = {
    "podAntiAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {
                "weight": 1,
                "podAffinityTerm": {
                    "topologyKey": "kubernetes.io/hostname",
                    "labelSelector": {
                        "matchExpressions": [{"key": "app", "operator": "In", "values": ["weaviate"]}]
                    },
                },
            }
        ]
    }
}
"""Upstream's chart has it where nobody says otherwise; our pods are spread over nodes anyway."""
_SAME = ("updateStrategy", "podManagementPolicy", "terminationGracePeriodSeconds", "hostAliases")
"""These values have the same name and meaning in our chart."""
_OWN = {
    **dict.fromkeys(
        ("startupProbe", "livenessProbe", "readinessProbe"),
        "the probes here are the chart's own: Weaviate is ready without an inference server",
    ),
    "command": "the command is the chart's own; for other flags see values.args",
    "args": "the flags are the chart's own; for others see values.args",
    "initContainers": "nothing runs before Weaviate here, and no container is privileged; set "
    "vm.max_map_count on the nodes, and see values.initContainers.extraInitContainers",
    "podDisruptionBudgets": "there is a budget for each component anyway; see values.podDisruptionBudgets",
    "clusterDomain": "the domain is cluster.local. unless values.clusterDomain says otherwise",
    "securityContext": "the pods run as nobody in particular (65532); see values.securityContext",
    "containerSecurityContext": "the containers may nothing but run; see values.containerSecurityContext",
}
_STANDARD_REGISTRY, _STANDARD_REPOSITORY = "cr.weaviate.io", "semitechnologies/weaviate"


def is_values(data: Mapping[str, Any]) -> bool:
    """Return whether they look like values of upstream's chart."""
    return bool(_KNOWN & set(data)) and "kind" not in data


def read_values(reading: Reading, draft: Draft) -> None:
    """Fill the draft with what the values say."""
    _read_image(reading, draft)
    replicas = reading.take("replicas")
    draft.set("weaviate.replicas", replicas if replicas != 1 else None)
    gpus = set_resources(draft, "weaviate.resources", reading.section("resources"))
    reading.tick("resources")
    if gpus:
        reading.lose(("resources",), "Weaviate uses no GPU; ask for it in spec.gpu")
    draft.set("weaviate.storage.size", reading.take("storage", "size"))
    draft.set("weaviate.storage.storageClassName", reading.take("storage", "storageClassName") or None)
    reading.tick("storage", "name")
    tell_of_data(reading, ("storage",))
    _read_services(reading, draft)
    _read_pods(reading, draft, (), "weaviate")
    variables = Variables(reading, dict(_variables(reading)))
    modules = list(_read_modules(reading, draft))
    _read_access(reading, draft, variables)
    _read_backups(reading, draft, variables)
    set_variables(draft, reading, variables, modules)
    for name, value in _DEFAULTS.items():
        if name not in (draft.get("weaviate.env") or {}):
            draft.put("weaviate.env", name, value)
    _read_the_rest(reading, draft)


def _read_image(reading: Reading, draft: Draft) -> None:
    version = reading.take("image", "tag")
    draft.set("weaviate.version", None if version is None else str(version).removeprefix("v"))
    if version is None:
        reading.advise(
            ("image",),
            "names no version; set spec.weaviate.version to the one that runs, and not an older one",
        )
    registry, repository = reading.take("image", "registry"), reading.take("image", "repo")
    draft.set("weaviate.image.registry", registry if registry != _STANDARD_REGISTRY else None)
    draft.set("weaviate.image.repository", repository if repository != _STANDARD_REPOSITORY else None)
    policy = reading.take("image", "pullPolicy")
    draft.set("weaviate.image.pullPolicy", policy if policy != "IfNotPresent" else None)
    draft.set("weaviate.image.pullSecrets", _names(reading, "image", "pullSecrets"))


def _names(reading: Reading, *path: str | int) -> list[str] | None:
    """Return the names of pull Secrets, which stand alone or in a map."""
    secrets = reading.items(*path)
    reading.tick(*path)
    return [str(one.get("name")) if isinstance(one, Mapping) else str(one) for one in secrets] or None


def _read_services(reading: Reading, draft: Draft) -> None:
    kind = reading.take("service", "type", default="LoadBalancer")
    draft.set("weaviate.service.type", kind if kind != "ClusterIP" else None)
    draft.set("weaviate.service.annotations", reading.take("service", "annotations") or None)
    ranges = reading.take("service", "loadBalancerSourceRanges") or None
    draft.set("weaviate.service.loadBalancerSourceRanges", ranges)
    for name in ("name", "ports", "clusterIP"):
        if given := reading.take("service", name):
            _tell_of_service(reading, draft, ("service", name), given)
    grpc = reading.peek("grpcService")
    if isinstance(grpc, Mapping):
        if grpc.get("enabled", True) is False:
            reading.lose(("grpcService", "enabled"), "gRPC always has its Service; clients need not use it")
        if grpc.get("type", kind) != kind:
            reading.lose(("grpcService", "type"), f"both Services are of one type, {kind} here")
        if (grpc.get("loadBalancerSourceRanges") or None) not in (None, ranges):
            reading.lose(("grpcService", "loadBalancerSourceRanges"), "both Services let the same in")
        for name in ("name", "ports", "clusterIP"):
            if given := reading.take("grpcService", name):
                _tell_of_service(reading, draft, ("grpcService", name), given)
        if (grpc.get("annotations") or None) in (None, draft.get("weaviate.service.annotations")):
            reading.tick("grpcService", "annotations")
        for name in ("enabled", "type", "loadBalancerSourceRanges"):
            reading.tick("grpcService", name)


def _tell_of_service(reading: Reading, draft: Draft, place: Path, given: Any) -> None:
    if place[-1] == "clusterIP":
        reading.lose(place, "the cluster chooses the address")
    elif place[-1] == "name":
        own = f"{draft.name}-weaviate" + ("-grpc" if place[0] == "grpcService" else "")
        reading.advise(place, f"the Service is called {own} here, not {given}; tell the clients")
    elif given not in (
        [{"name": "http", "protocol": "TCP", "port": 80}],
        [{"name": "grpc", "protocol": "TCP", "port": 50051}],
    ):
        reading.lose(place, "the ports are 80 for HTTP and 50051 for gRPC")


def _read_pods(reading: Reading, draft: Draft, at: Path, side: str) -> None:
    """Read what any pod may have. Where the module has nothing of its own, upstream takes the root's."""

    def take(name: str) -> Any:
        return reading.take(*at, name) or (reading.peek(name) if at else None)

    for name in ("nodeSelector", "tolerations"):
        draft.set(f"{side}.{name}", take(name) or None)
    affinity = take("affinity")
    if affinity and affinity != _AFFINITY:
        draft.set(f"{side}.affinity", affinity)
        reading.advise(
            (*at, "affinity"), "pods have other labels here: app.kubernetes.io/instance and …/component"
        )
    priority = reading.take(*at, "priorityClassName") or reading.take("globalPriorityClassName") or None
    draft.set(f"{side}.priorityClassName", priority)
    if account := take("serviceAccountName"):
        draft.set(f"{side}.serviceAccount.name", account)
    draft.set(f"{side}.podAnnotations", reading.take(*at, "annotations") or None)
    for name in ("extraVolumes", "extraVolumeMounts"):
        draft.set(f"{side}.{name}", reading.take(*at, name) or None)


def _variables(reading: Reading) -> Iterator[tuple[str, tuple[Path, object]]]:
    if limit := reading.take("query_defaults", "limit"):
        yield "QUERY_DEFAULTS_LIMIT", (("query_defaults", "limit"), limit)
    for name, value in reading.section("env").items():
        yield name, (("env", name), value)
    sections = [("backups", name) for name in BACKENDS]
    for section in sections:
        if reading.peek(*section, "enabled"):
            for part in ("envconfig", "secrets"):
                for name, value in reading.section(*section, part).items():
                    yield name, ((*section, part, name), value)


def _read_modules(reading: Reading, draft: Draft) -> Iterator[str]:
    chosen = reading.take("modules", "default_vectorizer_module", default="none")
    if chosen != MODULE:
        draft.set("values.modules.default_vectorizer_module", str(chosen).strip())
    for name, section in reading.section("modules").items():
        if name == MODULE or not isinstance(section, Mapping):
            continue
        if section.get("enabled") or section.get("inferenceUrl"):
            tell_of_module(reading, ("modules", name), name)
            if section.get("apiKey"):
                keep_secret(draft, reading, ("modules", name, "apiKey"), key_of_module(name))
            yield name
        reading.tick("modules", name)
    bind = reading.section(*_BIND)
    if bind.get("enabled"):
        _read_server(reading, draft)
    elif bind.get("inferenceUrl"):
        draft.set("inference.external.url", str(reading.take(*_BIND, "inferenceUrl")).rstrip("/"))
        reading.tick(*_BIND)
    else:
        reading.tick(*_BIND)
        reading.advise(_BIND, "is not enabled; the resource enables it, and runs an inference server")


def _read_server(reading: Reading, draft: Draft) -> None:
    def take(name: str, default: Any = None) -> Any:
        return reading.take(*_BIND, name, default=default)

    registry = take("registry", _STANDARD_REGISTRY)
    tag = str(take("tag", "imagebind"))
    set_server_image(draft, reading, _BIND, registry, take("repo", f"semitechnologies/{MODULE}"), tag, "")
    policy = take("imagePullPolicy")
    draft.set("inference.image.pullPolicy", policy if policy != "IfNotPresent" else None)
    draft.set("inference.image.pullSecrets", _names(reading, *_BIND, "imagePullSecrets"))
    replicas = take("replicas")
    draft.set("inference.replicas", replicas if replicas != 1 else None)
    gpus = set_resources(draft, "inference.resources", reading.section(*_BIND, "resources"))
    envconfig = reading.section(*_BIND, "envconfig")
    reading.tick(*_BIND, "resources")
    reading.tick(*_BIND, "envconfig")
    if envconfig.get("enable_cuda"):
        set_gpu(draft, gpus)
    elif gpus:
        reading.lose(
            (*_BIND, "resources"), "enable_cuda is off, so that the GPU is not used; set it, or drop the GPU"
        )
    _read_pods(reading, draft, _BIND, "inference")
    for name in ("enabled", "inferenceUrl", "fullnameOverride"):
        reading.tick(*_BIND, name)
    if take("livenessProbe") or take("readinessProbe"):
        reading.advise((*_BIND, "readinessProbe"), "the probes here wait for the model as long as it takes")
    if (strategy := take("strategy")) and strategy != {"type": "RollingUpdate"}:
        is_recreate = strategy == {"type": "Recreate"}
        draft.set("inference.rollout.strategy", "Recreate" if is_recreate else None)
        if not is_recreate:
            reading.lose((*_BIND, "strategy"), "see spec.inference.rollout.strategy: Surge or OneDown")
    if take("securityContext"):
        reading.lose((*_BIND, "securityContext"), f"see values.modules.{MODULE}.securityContext")


def _read_access(reading: Reading, draft: Draft, variables: Variables) -> None:
    at = "authentication"
    anonymous = reading.take(at, "anonymous_access", "enabled", default=True)
    access = Access(anonymous=anonymous is True, keys_at=(at, "anonymous_access", "enabled"))
    if reading.peek(at, "anonymous_access", "enabled") is None:
        reading.advise(
            (at,),
            "without a word upstream's chart lets everybody in, and so does the resource; think of keys",
        )
    if reading.peek(at, "apikey", "enabled"):
        allowed = reading.items(at, "apikey", "allowed_keys")
        access.has_keys, access.keys, access.keys_at = True, len(allowed), (at, "apikey", "allowed_keys")
        access.users = words(reading.take(at, "apikey", "users", default=[]))
    reading.tick(at, "apikey")
    if reading.peek(at, "oidc", "enabled"):
        access.oidc, access.oidc_at = _oidc(reading), (at, "oidc")
    reading.tick(at, "oidc", "enabled")
    _read_rights(reading, access)
    if reading.peek("envSecrets", "AUTHENTICATION_APIKEY_ALLOWED_KEYS"):
        place = ("envSecrets", "AUTHENTICATION_APIKEY_ALLOWED_KEYS")
        reading.advise(place, f"each key is an entry of its own here, of the Secret {secret_name(draft)}")
        access.keys, access.keys_at = None, place
    read_access(variables, access)
    set_access(draft, reading, access)
    if reading.take("mcp", "enabled"):
        draft.set("weaviate.mcp.enabled", True)
    if reading.take("mcp", "writeAccessEnabled"):
        draft.set("weaviate.mcp.writeAccess", True)


def _oidc(reading: Reading) -> dict[str, Any]:
    names = {
        "issuer": "issuer",
        "client_id": "clientId",
        "skip_client_id_check": "skipClientIdCheck",
        "username_claim": "usernameClaim",
        "groups_claim": "groupsClaim",
        "scopes": "scopes",
        "jwks_url": "jwksUrl",
    }
    found = {field: reading.take("authentication", "oidc", name) for name, field in names.items()}
    return {field: value for field, value in found.items() if value}


def _read_rights(reading: Reading, access: Access) -> None:
    lists = {
        ("admin_list", "users"): "admins",
        ("admin_list", "read_only_users"): "readers",
        ("admin_list", "groups"): "admin_groups",
        ("admin_list", "read_only_groups"): "reader_groups",
        ("rbac", "root_users"): "admins",
        ("rbac", "root_groups"): "admin_groups",
        ("rbac", "readonly_groups"): "reader_groups",
        ("rbac", "viewer_users"): "readers",
    }
    access.uses_list = bool(reading.take("authorization", "admin_list", "enabled"))
    access.uses_rbac = bool(reading.take("authorization", "rbac", "enabled"))
    for (section, name), field in lists.items():
        given = words(reading.take("authorization", section, name, default=[]))
        if given and reading.peek("authorization", section, "enabled"):
            setattr(access, field, given)


def _read_backups(reading: Reading, draft: Draft, variables: Variables) -> None:
    backends = [name for name in BACKENDS if reading.peek("backups", name, "enabled")]
    named = [reading.section("backups", name, "envSecrets") for name in backends]
    secrets = sorted({str(secret) for one in named for secret in one.values()})
    for name in BACKENDS:
        reading.tick("backups", name, "enabled")
        if name not in backends:
            reading.tick("backups", name)
        if account := reading.take("backups", name, "serviceAccountName"):
            draft.set("weaviate.serviceAccount.name", account)
    if len(secrets) > 1:
        reading.lose(
            ("backups", backends[0], "envSecrets"), "one Secret holds all credentials; bring them into one"
        )
    for name in backends:
        reading.tick("backups", name, "envSecrets")
    set_backup(draft, reading, backends, variables, secrets[0] if secrets else None)


def _read_the_rest(reading: Reading, draft: Draft) -> None:
    envs = reading.section("envSecrets")
    reading.tick("envSecrets")
    for name, secret in envs.items():
        if not name.startswith(("AUTHENTICATION_", "AUTHORIZATION_")):
            draft.put("values.envSecrets", name, secret)
    for name in _SAME:
        if (given := reading.take(name)) is not None:
            draft.set(f"values.{name}", given)
    if reading.peek("serviceMonitor", "enabled"):
        draft.set("values.serviceMonitor", reading.take("serviceMonitor"))
    reading.tick("serviceMonitor")
    for name in ("offload", "usage"):
        for provider, section in reading.section(name).items():
            if isinstance(section, Mapping) and not section.get("enabled"):
                reading.tick(name, provider)
    for name in ("collectionExport", "custom_config_map", "runtime_overrides", "namespaces"):
        if not reading.peek(name, "enabled"):
            reading.tick(name)
    for name, message in _OWN.items():
        if reading.peek(name):
            reading.advise((name,), message)
