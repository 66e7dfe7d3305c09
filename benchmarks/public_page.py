"""The public timeline for anonymous readers, against a bare Klein hello.

Twenty posts of the demo, read from PostgreSQL and rendered by Jinja after each new post, otherwise cached: see
``docs/performance.md``. Measured twice: without writes, and while ten posts a second are written.
"""

from __future__ import annotations

import socket
import threading
import urllib.request

from benchmarks import http_load, rig

CONNECTIONS = 32


def main() -> None:
    given = rig.options(__doc__)
    port = rig.free_port()
    with rig.site() as site, rig.reference("klein", port):
        url = f"{site.url}/public"
        with urllib.request.urlopen(url) as answer:
            size = len(answer.read())
        rig.tell(
            "The public timeline against a bare Klein hello",
            (
                f"microblog   one process of twistd, GET /public, 20 posts, {size:,} bytes of HTML, gzip accepted",
                "klein       one process, one route, five bytes",
                f"generator   {http_load.generator()}, {CONNECTIONS} connections kept open, {given.seconds:g} s each",
            ),
        )
        hello = f"http://127.0.0.1:{port}/"
        for warm in (url, hello):
            http_load.rate(warm, connections=CONNECTIONS, seconds=1)
        ours, theirs = [], []
        for _ in range(given.rounds):
            ours.append(http_load.rate(url, connections=CONNECTIONS, seconds=given.seconds))
            theirs.append(http_load.rate(hello, connections=CONNECTIONS, seconds=given.seconds))
        rig.report(ours, theirs, "pages/s", "klein")

        owner = site.command("account", "list").splitlines()[1].split()[0].lstrip("@")
        token = site.command("token", "create", owner, "--scopes", "read write")
        print("  while ten posts a second are written:")
        with Writer(site.push, token):
            busy = [
                http_load.rate(url, connections=CONNECTIONS, seconds=given.seconds)
                for _ in range(given.rounds)
            ]
        rig.report(busy, theirs, "pages/s", "klein")


class Writer:
    """Publish ten posts a second through the push port while the block runs."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _write(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as push:
            push.sendall(f"UNSUBSCRIBE\nAUTH {self._token}\n".encode())
            number = 0
            while not self._done.wait(0.1):
                number += 1
                push.sendall(b"POST Something new, number %d\n" % number)
                push.recv(65536)


if __name__ == "__main__":
    main()
