"""Says which addresses of media may be fetched: by an allow-list of hosts, and never a private one. Pure.

images.example.com                  https, port 443, this host alone
*.example.com                       https, any host below it, not itself
https://images.example.com:8443     another port
http://images.example.com           plain HTTP too, where it is said so
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urljoin, urlsplit

from bind_inference.errors import AddressRefused

MAX_URL: Final = 2048
_PORTS: Final = {"https": 443, "http": 80}
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL: Final = ipaddress.ip_network("64:ff9b:1::/48")


@dataclass(frozen=True)
class Address:
    """A URL in its parts; `target` is its path with its query."""

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def of(cls, url: str) -> Self:
        """Return the parts of `url`. Raises AddressRefused for one that is none, or holds a password."""
        if len(url) > MAX_URL:
            raise AddressRefused(f"the address has {len(url):,} characters, above the limit of {MAX_URL:,}")
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").removesuffix("."), parts.port
        except ValueError:
            raise AddressRefused("the address is no URL") from None
        if not url.isascii() or not url.isprintable() or " " in url:
            raise AddressRefused("the address is no URL")
        if parts.scheme not in _PORTS:
            raise AddressRefused(f"an address of {parts.scheme[:20]!r} is not fetched; https is")
        if not host:
            raise AddressRefused("the address is no URL")
        if parts.username is not None or parts.password is not None:
            raise AddressRefused("the address holds a user's name; it is not fetched")
        target = parts.path or "/"
        return cls(
            parts.scheme,
            host,
            _PORTS[parts.scheme] if port is None else port,
            f"{target}?{parts.query}" if parts.query else target,
        )

    @property
    def authority(self) -> str:
        """Return host and port, as a request's Host has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def follow(self, location: str) -> Self:
        """Return where a redirect leads. Raises AddressRefused as `of`."""
        try:
            url = urljoin(f"{self.scheme}://{self.authority}{self.target}", location)
        except ValueError:
            raise AddressRefused("the address is no URL") from None
        return type(self).of(url)


@dataclass(frozen=True)
class _Rule:
    scheme: str
    host: str
    port: int

    def allows(self, address: Address) -> bool:
        """Return whether `address` is of this rule's scheme, host and port."""
        if (address.scheme, address.port) != (self.scheme, self.port):
            return False
        if self.host.startswith("*."):
            return address.host.endswith(self.host[1:]) and address.host != self.host[1:]
        return address.host == self.host


class AllowList:
    """The hosts that media may be fetched from."""

    def __init__(self, rules: str) -> None:
        """`rules` have commas between, each as this module's head shows."""
        self._rules = [_rule(rule.strip()) for rule in rules.split(",")]

    def check(self, address: Address) -> None:
        """Raise AddressRefused unless a rule allows `address`."""
        if not any(rule.allows(address) for rule in self._rules):
            raise AddressRefused(
                f"{address.scheme}://{address.authority} is not among those that are fetched (--allow-urls); "
                "send the medium itself, `data:<type>;base64,…`"
            )


def is_public(ip: str) -> bool:
    """Return whether an IP address, as a resolver gives it, is one of the internet's.

    Those that stand for an address of version 4 are judged by that where a network translates them (NAT64),
    and refused otherwise (mapped, 6to4, Teredo): no name leads there but to deceive.
    """
    address = ipaddress.ip_address(ip.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)))
        stands_for = address.ipv4_mapped or address.sixtofour or address.teredo
        if stands_for or address in _NAT64_LOCAL or address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _rule(text: str) -> _Rule:
    scheme, separator, rest = text.casefold().partition("://")
    if not separator:
        scheme, rest = "https", scheme
    host, _, port = rest.partition(":")
    return _Rule(scheme, host, int(port) if port else _PORTS[scheme])
