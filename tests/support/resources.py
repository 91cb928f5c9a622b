"""Builds BindVectorizer manifests, and a breach of each of their rules."""

import copy
from typing import Any

from support.breaches import CUSTOMIZED

Manifest = dict[str, Any]


def tiny_resource(name: str, namespace: str = "default") -> Manifest:
    """Return a valid resource with the Tiny model."""
    return {
        "apiVersion": "bindvectorizer.dev/v1alpha1",
        "kind": "BindVectorizer",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"inference": {"model": {"name": "Tiny"}}},
    }


def merged(base: Manifest, patch: Manifest) -> Manifest:
    """Return `base` with `patch` merged in: maps merge, all else is replaced."""
    result = copy.deepcopy(base)
    for key, value in patch.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


BEFORE_PROFILES: Manifest = {
    "spec": {
        "device": "CPU",
        "inference": {
            "replicas": 1,
            "resources": {"requests": {"cpu": "1", "memory": "3Gi"}, "limits": {"memory": "12Gi"}},
            "model": {"precision": "auto"},
        },
    }
}
"""The definition before profiles filled this in, and it is stored in every resource that was made then."""

UNSET = '{"spec":{"device":null,"inference":{"replicas":null,"resources":null,"model":{"precision":null}}}}'
"""docs/how-to/profiles.md unsets it by this patch."""


def _inference(**fields: Any) -> Manifest:
    return {"spec": {"inference": fields}}


def _weaviate(**fields: Any) -> Manifest:
    return {"spec": {"weaviate": fields}}


def _weights(**fields: Any) -> Manifest:
    return _inference(model={"weights": fields})


def _claims(claims: list[Manifest], **more: Any) -> Manifest:
    return {"spec": {"device": "CUDA", "gpu": {"resourceClaims": claims, **more}}}


def _backup(**fields: Any) -> Manifest:
    return _weaviate(backup=fields)


def _external_weaviate(**fields: Any) -> Manifest:
    return _weaviate(external={"url": "https://weaviate.local"} | fields)


def _external_inference(**fields: Any) -> Manifest:
    """Return a patch that leaves nothing of the managed server."""
    url = {"url": "https://imagebind.local"}
    return _inference(external=url | fields, model={"name": "ImageBindHuge"})


def _autoscaling(**fields: Any) -> Manifest:
    return _inference(autoscaling={"maxReplicas": 4, "target": {"cpuUtilization": 80}} | fields)


_HUGE: Manifest = _inference(model={"name": "ImageBindHuge", "licenseAccepted": True})
OIDC = {"issuer": "https://login.local", "clientId": "weaviate", "groupsClaim": "groups"}


def _authentication(**fields: Any) -> Manifest:
    return _weaviate(authentication=fields)


def _entries(*entries: Manifest) -> Manifest:
    return _authentication(apiKeys={"entries": list(entries)})


def _modules(*modules: Manifest) -> Manifest:
    return _weaviate(modules=list(modules))


def _ingress(**fields: Any) -> Manifest:
    return _weaviate(expose={"ingress": fields})


def _gateway(**fields: Any) -> Manifest:
    return _weaviate(expose={"gateway": {"parentRefs": [{"name": "public"}]} | fields})


BREACHES: dict[str, Manifest] = {
    "name-is-short": {"metadata": {"name": "a" * 41}},
    "name-is-a-label": {"metadata": {"name": "my.search"}},
    "profile-name": {"spec": {"profile": "T4"}},
    "gpu-needs-cuda": {"spec": {"gpu": {"count": 1}}},
    "gpu-claims-or-count": _claims([{"name": "gpu", "resourceClaimName": "mine"}], count=1),
    "gpu-claims-have-one-source": _claims([{"name": "gpu"}]),
    "gpu-claims-are-named": _claims([{"name": "Gpu", "resourceClaimName": "mine"}]),
    "gpu-resource-name": {"spec": {"device": "CUDA", "gpu": {"resourceName": "gpu"}}},
    "gpu-is-not-a-plain-resource": _inference(resources={"limits": {"nvidia.com/gpu": 1}}),
    "licence-is-accepted": _inference(model={"name": "ImageBindHuge"}),
    "float16-needs-cuda": _inference(model={"precision": "float16"}),
    "int8-needs-cpu": {"spec": {"device": "CUDA", "inference": {"model": {"precision": "int8"}}}},
    "weights-have-one-source": _weights(existingClaim={"name": "kept"}, image={"reference": "r.local/w:1"}),
    "weights-claim-name": _weights(existingClaim={"name": "Kept"}),
    "weights-claim-path": _weights(existingClaim={"name": "kept", "path": "/models"}),
    "weights-image-reference": _weights(image={"reference": "https://r.local/w:1 "}),
    "weights-image-path": _weights(image={"reference": "r.local/w:1", "path": "a/../../etc"}),
    "weights-have-a-checksum": _inference(model={"weights": {"url": "https://example.org/w.pth"}}),
    "weights-url": _inference(model={"weights": {"url": "/data/w.pth", "sha256": "0" * 64}}),
    "weights-sha256": _inference(model={"weights": {"url": "https://example.org/w.pth", "sha256": "abc"}}),
    "inference-limits": _inference(resources={"limits": {"memory": "1Gi"}}),
    "inference-env-is-free": _inference(extraEnv=[{"name": "BIND_MODEL", "value": "Tiny"}]),
    "inference-env-names": _inference(extraEnv=[{"name": "a-b", "value": ""}]),
    "inference-env-once": _inference(
        extraEnv=[{"name": "A", "value": "1"}, {"name": "B"}, {"name": "A", "value": "2"}]
    ),
    "inference-env-value-or-source": _inference(
        extraEnv=[{"name": "A", "value": "", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    ),
    "inference-env-one-source": _inference(extraEnv=[{"name": "A", "valueFrom": {}}]),
    "inference-env-texts": _inference(extraEnv=[{"name": "A", "value": "a\x85b"}]),
    "inference-image-registry": _inference(image={"registry": "https://ghcr.io"}),
    "inference-image-repository": _inference(image={"repository": "/bind-inference:0.1.0"}),
    "inference-image-tag": _inference(image={"tag": "sha256:0"}),
    "inference-image-digest": _inference(image={"digest": "sha256:0"}),
    "autoscaling-bounds": _autoscaling(minReplicas=5),
    "autoscaling-has-one-target": _autoscaling(target={"cpuUtilization": 80, "queueDepth": 8}),
    "autoscaling-has-the-replicas": merged(_autoscaling(), _inference(replicas=2)),
    "autoscaling-to-zero-needs-weights": merged(_autoscaling(minReplicas=0), _HUGE),
    "weaviate-version": _weaviate(version="v1.35.2"),
    "weaviate-cluster-node-name": _weaviate(clusterNodeName="Weaviate"),
    "weaviate-limits": _weaviate(resources={"requests": {"memory": "8Gi"}}),
    "weaviate-env-is-free": _weaviate(env={"ENABLE_MODULES": "text2vec-openai"}),
    "weaviate-env-of-the-chart": _weaviate(env={"RAFT_JOIN": "search-weaviate-0"}),
    "weaviate-env-of-the-gate": _weaviate(env={"MODULES_VALIDATE_BASE_URL": "true"}),
    "weaviate-env-texts": _weaviate(env={"A": "\x7f"}),
    "weaviate-source-ranges-need-a-load-balancer": _weaviate(
        service={"type": "NodePort", "loadBalancerSourceRanges": ["10.0.0.0/8"]}
    ),
    "weaviate-source-ranges-are-networks": _weaviate(
        service={"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8", "10.0.0.1"]}
    ),
    "weaviate-annotation-texts": _weaviate(service={"annotations": {"a": "\x7f"}}),
    "weaviate-env-names": _weaviate(env={"a-b": ""}),
    "weaviate-image-registry": _weaviate(image={"registry": "cr.weaviate.io/semitechnologies"}),
    "backup-has-one-place": _backup(s3={"bucket": "b"}, filesystem={}),
    "backup-schedule": _backup(s3={"bucket": "b"}, schedule="0 3 * * * *"),
    "backup-retention-has-a-rule": _backup(s3={"bucket": "b"}, retention={}),
    "backup-retention-period": _backup(s3={"bucket": "b"}, retention={"keepFor": "30 days"}),
    "backup-include-or-exclude": _backup(s3={"bucket": "b"}, include=["A"], exclude=["B"]),
    "backup-to-a-volume-is-of-one-pod": _weaviate(backup={"filesystem": {}}, replicas=3),
    "backup-s3-credentialssecret": _backup(s3={"bucket": "b", "credentialsSecret": "Keys"}),
    "backup-azure-credentialssecret": _backup(azure={"container": "b", "credentialsSecret": "a b"}),
    "backup-filesystem-claimname": _backup(filesystem={"claimName": "A"}),
    "backup-gcs-secret": _backup(gcs={"bucket": "b", "credentials": {"name": "K", "key": "k"}}),
    "backup-gcs-entry": _backup(gcs={"bucket": "b", "credentials": {"name": "k", "key": "a/b"}}),
    "backup-s3-endpoint": _backup(s3={"bucket": "b", "endpoint": "http://minio:9000"}),
    "backup-s3-path": _backup(s3={"bucket": "b", "path": "/a"}),
    "backup-gcs-path": _backup(gcs={"bucket": "b", "path": "a/"}),
    "backup-azure-path": _backup(azure={"container": "b", "path": "a//b", "credentialsSecret": "s"}),
    "restore-needs-a-place": _weaviate(restoreFrom={}),
    "restore-id": _weaviate(backup={"s3": {"bucket": "b"}}, restoreFrom={"id": "A"}),
    "authentication-lets-somebody-in": _authentication(apiKeys={"enabled": False}),
    "authentication-keys-secret": _authentication(apiKeys={"secretName": "Keys"}),
    "authentication-keys-entries": _entries({"entry": "a/b", "user": "admin"}),
    "authentication-keys-entries-once": _entries(*[{"entry": "a", "user": "admin"}] * 2),
    "authentication-keys-of-listed-users": _entries({"entry": "a", "user": "somebody"}),
    "authentication-adminusers": _authentication(adminUsers=["a,b"]),
    "authentication-readonlyusers": _authentication(readOnlyUsers=["a b"]),
    "authentication-admingroups": _authentication(oidc=OIDC, adminGroups=["a,b"]),
    "authentication-readonlygroups": _authentication(oidc=OIDC, readOnlyGroups=["a b"]),
    "authentication-users-apart": _authentication(adminUsers=["a"], readOnlyUsers=["a"]),
    "authentication-rbac-has-no-read-only-users": _authentication(authorization="RBAC", readOnlyUsers=["a"]),
    "authentication-database-users-need-rbac": _authentication(databaseUsers=True),
    "authentication-groups-need-oidc": _authentication(adminGroups=["a"]),
    "authentication-oidc-issuer": _authentication(oidc=OIDC | {"issuer": "login.local"}),
    "authentication-oidc-jwks-url": _authentication(oidc=OIDC | {"jwksUrl": "/keys"}),
    "authentication-oidc-client": _authentication(oidc={"issuer": "https://login.local"}),
    "authentication-oidc-scopes": _authentication(oidc=OIDC | {"scopes": ["openid,email"]}),
    "authentication-oidc-certificate-secret": _authentication(
        oidc=OIDC | {"certificate": {"name": "CA", "key": "ca.crt"}}
    ),
    "authentication-oidc-certificate-entry": _authentication(
        oidc=OIDC | {"certificate": {"name": "ca", "key": ".."}}
    ),
    "authentication-or-variables": _weaviate(
        authentication={}, env={"AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "true"}
    ),
    "inference-keys-secret": _inference(apiKeys={"secretName": "Keys"}),
    "inference-keys-serverentry": _inference(apiKeys={"serverEntry": "a/b"}),
    "inference-keys-gateentry": _inference(apiKeys={"gateEntry": "a b"}),
    "inference-keys-need-our-server": _inference(apiKeys={}, image={"repository": "x/multi2vec-bind"}),
    "modules-once": _modules({"name": "generative-openai"}, {"name": "generative-openai"}),
    "modules-keys": _modules({"name": "generative-openai", "apiKey": {"name": "Keys", "key": "k"}}),
    "modules-without-keys": _modules({"name": "generative-ollama", "apiKey": {"name": "k", "key": "k"}}),
    "mcp-needs-its-version": _weaviate(version="1.36.23", mcp={"enabled": True}),
    "mcp-writes-where-it-is-on": _weaviate(mcp={"writeAccess": True}),
    "mcp-or-variables": _weaviate(mcp={}, env={"MCP_SERVER_ENABLED": "true"}),
    "weaviate-service-account-name": _weaviate(serviceAccount={"name": "Search"}),
    "weaviate-service-account-annotations": _weaviate(serviceAccount={"annotations": {"a": "b"}}),
    "weaviate-service-account-texts": _weaviate(
        serviceAccount={"create": True, "annotations": {"a": "\x7f"}}
    ),
    "inference-service-account-name": _inference(serviceAccount={"name": "a/b"}),
    "inference-service-account-annotations": _inference(serviceAccount={"annotations": {"a": "b"}}),
    "inference-service-account-texts": _inference(
        serviceAccount={"create": True, "annotations": {"a": "\x7f"}}
    ),
    **{
        f"network-policy-{field}-are-pods-or-addresses": {"spec": {"networkPolicy": {field: [{}]}}}
        for field in ("clients", "monitoring", "destinations")
    },
    **{
        f"network-policy-{field}-are-networks": {
            "spec": {"networkPolicy": {field: [{"ipBlock": {"cidr": "10.0.0.1"}}]}}
        }
        for field in ("clients", "monitoring", "destinations")
    },
    "ingress-http-host": _ingress(http={"host": "https://a.b"}),
    "ingress-grpc-host": _ingress(grpc={"host": "*.a.b"}),
    "ingress-http-tls-secret": _ingress(http={"host": "a.b", "tlsSecretName": "A"}),
    "ingress-grpc-tls-secret": _ingress(grpc={"host": "a.b", "tlsSecretName": "a/b"}),
    "ingress-http-annotation-texts": _ingress(http={"host": "a.b", "annotations": {"a": "\x7f"}}),
    "ingress-grpc-annotation-texts": _ingress(grpc={"host": "a.b", "annotations": {"a": "\x85"}}),
    "ingress-grpc-service-annotation-texts": _ingress(
        grpc={"host": "a.b", "serviceAnnotations": {"a": "\x7f"}}
    ),
    "gateway-http-host": _gateway(httpHost="A.b"),
    "gateway-grpc-host": _gateway(grpcHost="a.b:443"),
    "gateway-has-a-host": _gateway(),
    "gateway-hosts-differ": _gateway(httpHost="a.b", grpcHost="a.b"),
    "cluster-domain": {"spec": {"network": {"clusterDomain": "Cluster.local."}}},
    "ip-families-once": {
        "spec": {"network": {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6", "IPv6"]}}
    },
    "two-ip-families-need-a-policy": {"spec": {"network": {"ipFamilies": ["IPv6", "IPv4"]}}},
    "ignored-paths-are-pointers": {"spec": {"driftDetection": {"ignore": [{"paths": ["spec.replicas"]}]}}},
    "weaviate-image-repository": _weaviate(image={"repository": "Weaviate"}),
    "external-weaviate-url": _weaviate(external={"url": "http://weaviate.local/v1"}),
    "external-weaviate-api-key-secret": _external_weaviate(apiKey={"name": "Keys", "key": "key"}),
    "external-weaviate-api-key-entry": _external_weaviate(apiKey={"name": "keys", "key": "a/b"}),
    "external-weaviate-ca-secret": _external_weaviate(caCertificate={"name": "CA", "key": "ca.crt"}),
    "external-weaviate-ca-entry": _external_weaviate(caCertificate={"name": "ca", "key": ".."}),
    "external-weaviate-ca-needs-https": _external_weaviate(
        url="http://weaviate.local", caCertificate={"name": "ca", "key": "ca.crt"}
    ),
    "external-weaviate-alone": _weaviate(external={"url": "http://weaviate.local"}, replicas=3),
    "external-inference-url": _external_inference(url="imagebind.local:8080"),
    "external-inference-api-key-secret": _external_inference(apiKey={"name": "a b", "key": "key"}),
    "external-inference-api-key-entry": _external_inference(apiKey={"name": "keys", "key": "a b"}),
    "external-inference-ca-secret": _external_inference(caCertificate={"name": "-", "key": "ca.crt"}),
    "external-inference-ca-entry": _external_inference(caCertificate={"name": "ca", "key": "/ca.crt"}),
    "external-inference-ca-needs-https": _external_inference(
        url="http://imagebind.local", caCertificate={"name": "ca", "key": "ca.crt"}
    ),
    "external-inference-alone": merged(_external_inference(), _inference(model={"name": "Tiny"})),
    "external-inference-has-its-own-device": merged({"spec": {"device": "CUDA"}}, _external_inference()),
    "something-is-managed": merged(_external_inference(), _external_weaviate()),
    **CUSTOMIZED,
}
"""A patch of `tiny_resource` by the name of the one rule that it breaks."""
