"""The public timeline as JSON, against a bare Klein route that answers with the same bytes.

``GET /api/v1/timelines/public``, 20 posts, anonymously: compressed by gzip, uncompressed, and while ten posts a second
are written; and with a token, so that each post has the viewer's flags. The bare route has the bytes of that answer in
memory.
"""

from __future__ import annotations

import http.client

from benchmarks import http_load, rig
from benchmarks.public_page import Writer

CONNECTIONS = 32
PATH = "/api/v1/timelines/public"
PACKED = ("Accept-Encoding: gzip",)


def main() -> None:
    given = rig.options(__doc__)
    plain_port, packed_port = rig.free_port(), rig.free_port()
    with rig.site() as site, rig.folder() as folder:
        plain, packed = folder / "public.json", folder / "public.json.gz"
        plain.write_bytes(_body(site.http))
        packed.write_bytes(_body(site.http, **{"Accept-Encoding": "gzip"}))
        sizes = f"{plain.stat().st_size:,} bytes as they are, {packed.stat().st_size:,} packed by gzip"
        owner = site.command("account", "list").splitlines()[1].split()[0].lstrip("@")
        token = site.command("token", "create", owner, "--scopes", "read write")
        bearer = f"Authorization: Bearer {token}"
        url = f"{site.url}{PATH}"
        with (
            rig.reference("klein-bytes", plain_port, plain),
            rig.reference("klein-bytes", packed_port, packed),
        ):
            rig.tell(
                "The public timeline as JSON against a bare Klein route with the same bytes",
                (
                    f"microblog   one process of twistd, GET {PATH}, 20 posts",
                    f"klein       one process, one route, {sizes}",
                    f"generator   {http_load.generator()}, {CONNECTIONS} connections, {given.seconds:g} s each",
                ),
            )
            bare_packed = f"http://127.0.0.1:{packed_port}/"
            bare_plain = f"http://127.0.0.1:{plain_port}/"
            for name, theirs, headers in (
                ("a stranger, packed", bare_packed, PACKED),
                ("a stranger, as it is", bare_plain, ()),
                ("with a token, packed", bare_packed, (*PACKED, bearer)),
                ("with a token, as it is", bare_plain, (bearer,)),
            ):
                print(f"  {name}:")
                _measure(given.rounds, given.seconds, url, theirs, headers)
            print("  a stranger, packed, while ten posts a second are written:")
            with Writer(site.push, token):
                _measure(given.rounds, given.seconds, url, bare_packed, PACKED)


def _body(port: int, **headers: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", PATH, headers=headers)
    return connection.getresponse().read()


def _measure(rounds: int, seconds: float, ours: str, theirs: str, headers: tuple[str, ...]) -> None:
    for warm in (ours, theirs):
        http_load.rate(warm, connections=CONNECTIONS, seconds=1, headers=headers)
    rates = [
        (
            http_load.rate(ours, connections=CONNECTIONS, seconds=seconds, headers=headers),
            http_load.rate(theirs, connections=CONNECTIONS, seconds=seconds, headers=headers),
        )
        for _ in range(rounds)
    ]
    rig.report([own for own, _ in rates], [other for _, other in rates], "answers/s", "klein")


if __name__ == "__main__":
    main()
