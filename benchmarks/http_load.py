"""Request one address as often as possible, by wrk where it is installed, otherwise by our own client.

Both hold a fixed number of connections that stay open, with one request under way on each.
"""

from __future__ import annotations

import re
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from urllib.parse import SplitResult, urlsplit

WRK = shutil.which("wrk")


def generator() -> str:
    return "wrk, 1 thread" if WRK else "our epoll client, 1 thread"


def rate(
    url: str, *, connections: int, seconds: float, headers: Sequence[str] = ("Accept-Encoding: gzip",)
) -> float:
    """Return answers a second. Raise SystemExit for an answer that is not 200."""
    if WRK:
        return _wrk(url, connections, seconds, headers)
    return own(url, connections=connections, seconds=seconds, headers=headers)


def _wrk(url: str, connections: int, seconds: float, headers: Sequence[str]) -> float:
    assert WRK is not None
    given = [word for header in headers for word in ("-H", header)]
    done = subprocess.run(
        [WRK, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", *given, url],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    if "Non-2xx" in done or "Socket errors" in done:
        raise SystemExit(f"{url} did not answer well:\n{done}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", done)
    assert found is not None, done
    return float(found[1])


def own(
    url: str,
    *,
    connections: int,
    seconds: float,
    headers: Sequence[str] = (),
    body: Callable[[int], bytes] | None = None,
) -> float:
    """The same without wrk. Slower, so the server's share of a ratio looks better: hence wrk where there is one.

    ``body`` makes it POST: the body of each connection, as a form.  ``headers`` may have ``{number}`` in it for that.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None
    requests: dict[int, bytes] = {}
    poll = select.epoll()
    sockets: dict[int, socket.socket] = {}
    for number in range(connections):
        each = socket.create_connection((parts.hostname, parts.port or 80))
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[each.fileno()] = each
        requests[each.fileno()] = _request(parts, headers, number, body)
        poll.register(each.fileno(), select.EPOLLIN)
    received = {number: bytearray() for number in sockets}
    answers = 0
    begun = time.monotonic()
    for number, each in sockets.items():
        each.sendall(requests[number])
    while (now := time.monotonic()) < begun + seconds:
        for number, _ in poll.poll(0.1):
            data = sockets[number].recv(262_144)
            if not data:
                raise SystemExit(f"{url} hung up.")
            buffer = received[number]
            buffer += data
            if _complete(buffer, url):
                buffer.clear()
                answers += 1
                sockets[number].sendall(requests[number])
    for each in sockets.values():
        each.close()
    poll.close()
    return answers / (now - begun)


def _request(
    parts: SplitResult, headers: Sequence[str], number: int, body: Callable[[int], bytes] | None
) -> bytes:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [each.format(number=number) for each in headers]
    content = b"" if body is None else body(number)
    if body is not None:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def _complete(buffer: bytearray, url: str) -> bool:
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = bytes(buffer[:end]).lower()
    if not head.startswith(b"http/1.1 200"):
        raise SystemExit(f"{url} answered {head.splitlines()[0].decode()}.")
    length = re.search(rb"content-length: *(\d+)", head)
    if length is None:
        raise SystemExit(f"{url} answers without a length, which this client can't read.")
    return len(buffer) >= end + 4 + int(length[1])
