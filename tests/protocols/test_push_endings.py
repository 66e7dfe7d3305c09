"""How connections end that nobody ends by a word: their token has had its time, their peer is gone."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

from tests.protocols.running import Running
from tests.waiting import until


async def test_expired_token_ends_its_connection_alone_and_with_a_cursor(running: Running) -> None:
    alice = await running.person("alice")
    with_end, without = [await running.microblog.tokens.create(alice, ("read",)) for _ in range(2)]
    ends = datetime.now(UTC) + timedelta(seconds=1)
    await running.microblog.db.reads.run(
        "UPDATE tokens SET expires_at = %s WHERE id = (SELECT min(id) FROM tokens)", (ends,)
    )
    leaves, stays = await running.connect(), await running.connect()
    assert await leaves.ask(f"AUTH {with_end}") == "OK AUTH @alice read"
    assert await stays.ask(f"AUTH {without}") == "OK AUTH @alice read"
    await until(running.reactor, lambda: leaves.gone)
    assert datetime.now(UTC) >= ends
    assert leaves.lines == [f"BYE revoked {running.microblog.dispatcher.position}"]
    assert (await stays.ask("PING")).startswith("OK PING")
    late = await running.connect()
    assert (await late.ask(f"AUTH {with_end}")).startswith("ERR unauthenticated")


async def test_kernel_watches_for_dead_peers(running: Running) -> None:
    await running.connect()
    [connection] = running.factory
    accepted = connection.transport.socket
    assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    options = ("TCP_USER_TIMEOUT", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
    found = {
        name: accepted.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
        for name in options
        if hasattr(socket, name)  # not everywhere
    }
    expected = dict(zip(options, (60_000, 30, 10, 3), strict=True))
    assert found == {name: expected[name] for name in found}
