"""Which addresses may be fetched."""

import pytest

from bind_inference.errors import AddressRefused
from bind_inference.items.addresses import Address, AllowList, is_public

RULES = AllowList("images.example.com, *.cdn.example.com,http://Files.example.com:8080,https://1.2.3.4:444")


@pytest.mark.parametrize(
    "url",
    [
        "https://images.example.com/a/b.png?c=d#e",
        "HTTPS://IMAGES.example.com:443/",
        "https://images.example.com./x",
        "https://a.cdn.example.com",
        "https://b.a.cdn.example.com/x",
        "http://files.example.com:8080/x",
        "https://1.2.3.4:444/",
    ],
)
def test_what_a_rule_names_is_allowed(url: str) -> None:
    RULES.check(Address.of(url))


@pytest.mark.parametrize(
    "url",
    [
        "http://images.example.com/",
        "https://images.example.com:8443/",
        "https://images.example.com.evil.org/",
        "https://evil.org/images.example.com",
        "https://xcdn.example.com/",
        "https://cdn.example.com/",
        "https://.cdn.example.com/",
        "https://files.example.com:8080/",
        "http://files.example.com/",
        "https://1.2.3.4/",
        "https://0x01020304:444/",
    ],
)
def test_what_none_names_is_not(url: str) -> None:
    with pytest.raises(AddressRefused, match=r"is not among those that are fetched \(--allow-urls\)"):
        RULES.check(Address.of(url))


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "https:///x",
        "https://user@images.example.com/",
        "https://images.example.com@evil.org/",
        "https://:secret@images.example.com/",
        "https://images.example.com:port/",
        "https://images.example.com:99999/",
        "https://[::1/",
        "https://images.example.com/ b",
        "https://images.example.com/\r\nHost: x",
        "https://imäges.example.com/",
        "https://images.example.com\\@evil.org/",
        "file:///etc/passwd",
        "gopher://images.example.com/",
        "https://images.example.com/" + "x" * 2048,
    ],
)
def test_what_is_no_address_or_tries_to_deceive_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        RULES.check(Address.of(url))


def test_the_parts_are_what_is_asked_for() -> None:
    address = Address.of("https://Images.example.com:444/a?b=c&d#e")
    assert (address.host, address.port, address.target) == ("images.example.com", 444, "/a?b=c&d")
    assert address.authority == "images.example.com:444"
    assert Address.of("https://x").target == "/"
    assert Address.of("http://[2001:db8::1]:80/").authority == "[2001:db8::1]"


def test_a_redirect_is_an_address_of_its_own() -> None:
    address = Address.of("https://images.example.com/a/b?c")
    assert address.follow("d") == Address.of("https://images.example.com/a/d")
    assert address.follow("//evil.org/x").host == "evil.org"
    assert address.follow("http://images.example.com/").scheme == "http"
    for location in ("file:///etc/passwd", "https://a:b@images.example.com/", "https://[::1"):
        with pytest.raises(AddressRefused):
            address.follow(location)


@pytest.mark.parametrize("ip", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_addresses_of_the_internet_are_public(ip: str) -> None:
    assert is_public(ip)


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",  # noqa: S104
        "100.64.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
        "::", "::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "::127.0.0.1", "fe80::1", "fe80::1%eth0",
        "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::",
        "2001:0:808:808::1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::808:808",
    ],
)  # fmt: skip
def test_all_others_are_not(ip: str) -> None:
    assert not is_public(ip)
