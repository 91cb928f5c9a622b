"""A cluster is asked for the values that it has of a resource, as whoever the kubeconfig names."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from kubernetes import client, config  # type: ignore[import-untyped]
from kubernetes.client.exceptions import ApiException  # type: ignore[import-untyped]
from urllib3.exceptions import HTTPError

from bind_operator.policy.names import rendered_name
from bind_operator.release.storage import HelmDriver, RecordUnreadable, read_values, release_selector

VALUES_KEY = "values.yaml"
TIMEOUT_S = 20


class ClusterUnanswered(Exception):
    """The cluster cannot be asked; the message says what to do."""


@dataclass(frozen=True)
class Cluster:
    """It reads what the operator wrote."""

    api: Any

    @classmethod
    def connect(cls, kubeconfig: str | None, context: str | None) -> "Cluster":
        """Return the cluster that kubectl would ask with these flags. Raises ClusterUnanswered."""
        # The library reads the variable only once, when it is imported.
        file = kubeconfig or os.environ.get("KUBECONFIG")
        try:
            return cls(client.CoreV1Api(config.new_client_from_config(file, context)))
        except (config.ConfigException, OSError) as error:
            raise ClusterUnanswered(
                f"no credentials for a cluster: {error}; set KUBECONFIG, --kubeconfig or --context"
            ) from error

    def rendered_values(self, namespace: str, name: str) -> str | None:
        """Return the text of the ConfigMap of a resource with delivery Render; None if there is none."""
        try:
            found = self.api.read_namespaced_config_map(
                rendered_name(name), namespace, _request_timeout=TIMEOUT_S
            )
        except (ApiException, HTTPError) as error:
            if isinstance(error, ApiException) and error.status == HTTPStatus.NOT_FOUND:
                return None
            raise _unanswered(error) from error
        text: str | None = (found.data or {}).get(VALUES_KEY)
        return text

    def release_values(self, namespace: str, name: str) -> dict[str, Any] | None:
        """Return the values of the Helm release of a resource; None if there is none.

        Raises ClusterUnanswered.
        """
        lists = {
            HelmDriver.CONFIG_MAP: self.api.list_namespaced_config_map,
            HelmDriver.SECRET: self.api.list_namespaced_secret,
        }
        for driver, ask in lists.items():
            try:
                answer = ask(namespace, label_selector=release_selector(name), _request_timeout=TIMEOUT_S)
            except (ApiException, HTTPError) as error:
                raise _unanswered(error) from error
            records = [self.api.api_client.sanitize_for_serialization(one) for one in answer.items]
            if records:
                try:
                    return read_values(_current(records), driver)
                except RecordUnreadable as error:
                    raise ClusterUnanswered(str(error)) from error
        return None


def _current(records: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the record that is deployed, else the newest."""

    def rank(record: Mapping[str, Any]) -> tuple[bool, int]:
        labels = record["metadata"]["labels"]
        return labels.get("status") == "deployed", int(labels["version"])

    return max(records, key=rank)


def _unanswered(error: Exception) -> ClusterUnanswered:
    if isinstance(error, ApiException):
        said = f"the API server answers {error.status} ({error.reason})"
        if error.status == HTTPStatus.FORBIDDEN:
            return ClusterUnanswered(
                f"{said}; read ConfigMaps, and Secrets for Helm's records, as a user who may"
            )
        return ClusterUnanswered(f"{said}; try again, or name another by --context")
    return ClusterUnanswered(f"the API server is not reached: {error}; see that `kubectl version` works")
