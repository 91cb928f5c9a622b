"""Clients outside of the cluster reach Weaviate by host names: through Ingresses, or a Gateway's routes."""

from typing import Annotated

from pydantic import Field

from bind_operator.api.base import ApiModel, Text

HTTPS_PORT, HTTP_PORT = 443, 80


class IngressHost(ApiModel):
    """One Ingress, of one API of Weaviate's."""

    host: Text = Field(description="Host name by which clients ask. HTTP and gRPC may have the same.")
    tls_secret_name: Text | None = Field(
        None,
        description="Secret in the resource's namespace that holds the certificate. Unset: the controller's "
        "own, or none.",
    )
    annotations: dict[str, Annotated[str, Field(max_length=4096)]] = Field(
        default_factory=dict,
        max_length=32,
        description="Annotations, by which its controller knows gRPC, or how large a body may be.",
    )


class GrpcIngressHost(IngressHost):
    """The Ingress of gRPC, which some controllers know by the Service behind it."""

    service_annotations: dict[str, Annotated[str, Field(max_length=4096)]] | None = Field(
        None,
        max_length=32,
        description="Annotations of gRPC's Service alone, where the controller looks there for its protocol, "
        "as Traefik does.",
    )


class Ingress(ApiModel):
    """Ingresses before Weaviate's Services."""

    class_name: Text | None = Field(None, description="Class of both. Unset: the cluster's default one.")
    http: IngressHost | None = Field(None, description="The Ingress of HTTP. Unset: there is none.")
    grpc: GrpcIngressHost | None = Field(None, description="The Ingress of gRPC. Unset: there is none.")


class ParentRef(ApiModel):
    """A Gateway, as a route's own `parentRefs` names it."""

    name: Text = Field(description="Name of the Gateway.")
    namespace: Text | None = Field(None, description="Its namespace. Unset: the resource's own.")
    section_name: Text | None = Field(None, description="Its listener. Unset: all that fit.")
    port: int | None = Field(None, ge=1, le=65535, description="Port of the listener. Unset: any.")


class Gateway(ApiModel):
    """Routes of the Gateway API, whose definitions the cluster must have."""

    parent_refs: list[ParentRef] = Field(
        min_length=1, max_length=16, description="Gateways by which clients come."
    )
    http_host: Text | None = Field(
        None, description="Host name of Weaviate's HTTP API. Unset: there is no HTTPRoute."
    )
    grpc_host: Text | None = Field(
        None, description="Host name of Weaviate's gRPC API, another one. Unset: there is no GRPCRoute."
    )
    tls: bool = Field(
        True, description="Whether the listener ends TLS; `status.endpoints` gives the addresses by it."
    )


class Exposure(ApiModel):
    """Clients from outside come by these, beside the type of Weaviate's Services."""

    ingress: Ingress | None = Field(None, description="By Ingresses.")
    gateway: Gateway | None = Field(None, description="By routes of a Gateway.")

    @property
    def grpc_service_annotations(self) -> dict[str, str]:
        """Return what the Service of gRPC is annotated with beside what both Services are."""
        at = self.ingress and self.ingress.grpc
        return (at and at.service_annotations) or {}

    @property
    def public_http(self) -> str | None:
        """Return the address of the HTTP API from outside; None if it has none."""
        if self.ingress and self.ingress.http:
            return _url(self.ingress.http.host, has_tls=bool(self.ingress.http.tls_secret_name))
        if self.gateway and self.gateway.http_host:
            return _url(self.gateway.http_host, has_tls=self.gateway.tls)
        return None

    @property
    def public_grpc(self) -> str | None:
        """Return `host:port` of the gRPC API from outside; None if it has none."""
        if self.ingress and self.ingress.grpc:
            return _host_port(self.ingress.grpc.host, has_tls=bool(self.ingress.grpc.tls_secret_name))
        if self.gateway and self.gateway.grpc_host:
            return _host_port(self.gateway.grpc_host, has_tls=self.gateway.tls)
        return None


def _url(host: str, *, has_tls: bool) -> str:
    return f"{'https' if has_tls else 'http'}://{host}"


def _host_port(host: str, *, has_tls: bool) -> str:
    return f"{host}:{HTTPS_PORT if has_tls else HTTP_PORT}"
