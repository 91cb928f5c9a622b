"""Network policies say who may reach the pods of a release, and where those may go."""

from typing import Annotated, Literal

from pydantic import Field

from bind_operator.api.base import ApiModel, Text

MAX_PEERS = 32


class LabelRequirement(ApiModel):
    """A condition on one label, as in Kubernetes' own selectors."""

    key: Text = Field(description="The label.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = Field(
        description="What is asked of it; In and NotIn compare it with `values`."
    )
    values: list[Annotated[str, Field(max_length=63)]] | None = Field(
        None, max_length=16, description="Values, for In and NotIn."
    )


class LabelSelector(ApiModel):
    """A selector of pods or namespaces, as Kubernetes' own. Without a condition it selects all."""

    match_labels: dict[str, Annotated[str, Field(max_length=63)]] | None = Field(
        None, max_length=16, description="Labels that there must be, with their values."
    )
    match_expressions: list[LabelRequirement] | None = Field(
        None, max_length=16, description="Conditions on labels; all must hold."
    )


class IpBlock(ApiModel):
    """Addresses outside of the cluster."""

    cidr: Text = Field(description="A network, as 10.0.0.0/8 or 2001:db8::/32.")
    except_: list[Text] | None = Field(
        None, alias="except", max_length=16, description="Networks within it that are left out."
    )


class Peer(ApiModel):
    """The other end of a connection: pods, or addresses, as in a NetworkPolicy's own spec."""

    namespace_selector: LabelSelector | None = Field(
        None, description="Namespaces of the pods. Unset: the resource's own."
    )
    pod_selector: LabelSelector | None = Field(
        None, description="The pods. Unset: all of the namespaces that are selected."
    )
    ip_block: IpBlock | None = Field(None, description="Addresses, in place of pods.")


class NetworkPolicies(ApiModel):
    """The policies of the release: who reaches what. They take a network plugin that enforces them.

    Inference pods are reached by Weaviate's pods alone, and Weaviate's cluster ports by each other. The
    operator always gets in, because it checks the release.
    """

    enabled: bool = Field(True, description="Whether there are policies, once this section is there.")
    clients: list[Peer] = Field(
        default_factory=list,
        max_length=MAX_PEERS,
        description="Who may reach Weaviate's HTTP and gRPC ports, an ingress controller or a gateway among "
        "them; with `weaviate.external`: where that Weaviate runs, which asks the gate. Empty: anyone.",
    )
    monitoring: list[Peer] = Field(
        default_factory=list,
        max_length=MAX_PEERS,
        description="Who may scrape the metrics, and so reach the inference pods, too. Empty: nobody.",
    )
    destinations: list[Peer] | None = Field(
        None,
        max_length=MAX_PEERS,
        description="Where the pods may go beside the DNS and each other, such as a bucket of backups, or "
        "what the weights are downloaded from. Unset: anywhere.",
    )
