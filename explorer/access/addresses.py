"""Addresses and names of hosts: which stay on this computer, and which host a request names."""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

HERE = ("127.0.0.1", "localhost")
EVERYWHERE = ("0.0.0.0", "::")


def is_loopback(name: str) -> bool:
    """Whether an address or a name means this computer and nothing else."""
    if name.lower().rstrip(".") == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def beyond(address: str | None, hosts: Iterable[str]) -> str | None:
    """The first of these by which others than this computer reach a server; None if there is none.

    A server that is told no address listens on all of them.
    """
    named = [address or EVERYWHERE[0], *hosts]
    return next((each for each in named if not is_loopback(each)), None)


def host_of(netloc: str) -> str | None:
    """The host that a Host header or an origin's authority names, without its port; None if it is malformed."""
    try:
        parts = urlsplit(f"//{netloc}")
        _ = parts.port  # a port that is no number
    except ValueError:
        return None
    if parts.netloc != netloc or parts.username is not None or parts.hostname is None:
        return None
    return parts.hostname.rstrip(".")


def same_authority(origin: str, host: str) -> bool:
    """Whether a page's origin is the host and port that a request names."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower() != ""
    except ValueError:
        return False
