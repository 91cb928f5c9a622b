"""The address of a Weaviate, and the Python client connected to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import weaviate
from weaviate.classes.init import AdditionalConfig, Timeout
from weaviate.exceptions import WeaviateBaseError

from bind_demo.errors import DemoError


@dataclass(frozen=True)
class Endpoint:
    """A Weaviate's host, with its REST and its gRPC port."""

    host: str
    http_port: int
    grpc_port: int

    @contextmanager
    def client(self) -> Iterator[weaviate.WeaviateClient]:
        """Yield a connected client. Raises DemoError when nothing answers."""
        try:
            client = weaviate.connect_to_custom(
                self.host,
                self.http_port,
                False,
                self.host,
                self.grpc_port,
                False,
                additional_config=AdditionalConfig(timeout=Timeout(init=10, query=60, insert=120)),
            )
        except WeaviateBaseError as error:
            raise DemoError(
                f"no Weaviate answers at {self.host}:{self.http_port}, :{self.grpc_port} ({error.message})",
                "see whether its pod is ready and the two ports are its REST and gRPC ports",
            ) from error
        with client:
            yield client
