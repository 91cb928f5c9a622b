"""The local registry is asked what it holds, and told to delete."""

from dataclasses import dataclass
from typing import Any

import httpx

from bind_local.errors import LocalError
from bind_local.images.catalog import INPUTS_LABEL

MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class Tag:
    """A tag of a repository. inputs: digest of what it was built from. created: RFC 3339, UTC."""

    name: str
    digest: str
    inputs: str
    created: str


class Registry:
    """A client of the registry at an address such as 10.240.0.1:5000."""

    def __init__(self, address: str) -> None:
        # No proxy from the environment: the address is this machine's own.
        self._http = httpx.Client(base_url=f"http://{address}/v2", timeout=10, trust_env=False)

    def tag(self, repository: str, name: str) -> Tag | None:
        """Return a tag; None when the registry has none of that name."""
        manifest = self._get(f"/{repository}/manifests/{name}")
        if manifest is None:
            return None
        blob = self._get(f"/{repository}/blobs/{manifest.json()['config']['digest']}")
        config: dict[str, Any] = blob.json() if blob else {}
        labels = config.get("config", {}).get("Labels") or {}
        digest = manifest.headers["docker-content-digest"]
        return Tag(name, digest, labels.get(INPUTS_LABEL, ""), config.get("created", ""))

    def tags(self, repository: str) -> list[Tag]:
        """Return all tags of a repository, the newest first."""
        response = self._get(f"/{repository}/tags/list")
        names = (response.json().get("tags") or []) if response else []
        found = [tag for name in names if (tag := self.tag(repository, name))]
        return sorted(found, key=lambda tag: tag.created, reverse=True)

    def delete(self, repository: str, tag: Tag) -> None:
        """Delete a tag's manifest; its layers go at the next collection."""
        self._http.delete(f"/{repository}/manifests/{tag.digest}")

    def _get(self, path: str) -> httpx.Response | None:
        try:
            response = self._http.get(path, headers={"Accept": MANIFESTS}, follow_redirects=True)
        except httpx.HTTPError as error:
            raise LocalError(f"the local registry does not answer: {error}", "run `make cluster`") from error
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        if response.is_error:
            raise LocalError(
                f"the local registry answered {response.status_code} to {path}", "run `make clean` and again"
            )
        return response
