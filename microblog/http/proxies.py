"""The client's address behind reverse proxies.

``X-Forwarded-For`` counts as far as configured proxies wrote it: the search goes from the right past each trusted
address to the first untrusted one. Nothing is trusted by default, not even the loopback address, since every process
of the machine can connect from there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class TrustedProxies:
    """The proxies whose headers count: addresses or networks, as text or parsed.

    If there is any, a Unix socket is trusted too.

    :raises ValueError: an item is neither an address nor a network.
    """

    def __init__(self, networks: Iterable[str | Network] = ()) -> None:
        self._networks = tuple(ipaddress.ip_network(str(network), strict=False) for network in networks)
        self._trusts = lru_cache(maxsize=1024)(self._look_up)

    def trusts(self, address: str) -> bool:
        """Return whether ``address`` is a trusted proxy; "unix" stands for a Unix socket."""
        return bool(self._networks) and self._trusts(address)

    def _look_up(self, address: str) -> bool:
        if address == "unix":
            return True
        parsed = _address(address)
        return parsed is not None and any(parsed in network for network in self._networks)

    def client(self, peer: str, forwarded_for: str | None) -> str:
        """Return the client's address: the peer's own, or the one that trusted proxies report."""
        if not forwarded_for or not self.trusts(peer):
            return peer
        client = peer
        for hop in reversed(forwarded_for.split(",")):
            parsed = _address(hop.strip())
            if parsed is None:
                break
            client = str(parsed)
            if not self.trusts(client):
                break
        return client


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse an address as proxies write it, with or without brackets and port; return None for other texts."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
