"""Detection of dead peers by the kernel, without visible traffic on the connection.

TCP keepalive probes an idle connection, TCP_USER_TIMEOUT (RFC 5482) bounds how long data stays unacknowledged.
"""

from __future__ import annotations

import socket
from typing import Any


def watch_for_dead_peers(transport: Any, patience: int) -> None:
    """Let the kernel end a TCP connection whose peer is silent for about ``patience`` seconds; disable Nagle."""
    raw = getattr(transport, "socket", None)
    if raw is None or getattr(raw, "family", None) not in (socket.AF_INET, socket.AF_INET6):
        return
    transport.setTcpNoDelay(True)
    transport.setTcpKeepAlive(True)
    for name, value in (
        ("TCP_KEEPIDLE", patience // 2),
        ("TCP_KEEPALIVE", patience // 2),  # macOS' name
        ("TCP_KEEPINTVL", patience // 6),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", patience * 1000),
    ):
        option = getattr(socket, name, None)
        if option is not None:
            raw.setsockopt(socket.IPPROTO_TCP, option, value)
