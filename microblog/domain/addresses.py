"""Network addresses as rate limits count them: one key for all requests of a client."""

from __future__ import annotations

import ipaddress
from functools import lru_cache


@lru_cache(maxsize=4096)
def address_key(address: str) -> str:
    """Return the key of a network address: an IPv6 address by its /64, an IPv4 address inside IPv6 as itself.

    A /64 is the smallest network that a customer gets (RFC 6177).
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False).network_address) + "/64"
    return str(parsed)
