"""The push port's limits: commands, log-ins, posts, connections."""

from __future__ import annotations

from microblog.services.live.connection_limit import LIMIT_REACHED
from tests.protocols.fakes import Client, Port


class TestLimits:
    def test_of_commands_a_second_are_named_and_cool_down(self, port: Port, client: Client) -> None:
        answers = client.ask(*["PING"] * 100)
        assert answers[:40] == ["OK PING 0"] * 40
        assert answers[40:] == [
            "ERR rate-limited At most 20 commands a second on a connection. Try again in 1 s."
        ]
        assert client.transport.producerState == "paused"
        port.pass_time(1)
        assert client.heard()[:20] == ["OK PING 0"] * 20
        port.pass_time(10)
        client.heard()
        assert client.transport.producerState == "producing"
        assert client.ask("PING") == ["OK PING 0"]

    def test_empty_lines_count(self, client: Client) -> None:
        client.heard()
        client.send_bytes(b"\n" * 60_000)
        assert len(client.heard()) == 1

    def test_can_be_switched_off(self) -> None:
        client = Port(rate_limits="off").connect()
        assert len(client.ask(*["PING"] * 500)) == 500

    def test_of_log_ins_are_for_the_address(self, port: Port) -> None:
        for _ in range(20):
            port.connect().send("AUTH wrong")
        (answer,) = port.connect().ask("AUTH alice-token")
        assert answer.startswith("ERR rate-limited At most 20 log-ins a minute from one address.")
        assert port.connect("192.0.2.9").ask("AUTH alice-token") == ["OK AUTH @alice read write"]

    def test_of_posts_are_for_the_account(self, port: Port) -> None:
        for number in range(30):
            port.connect().send("AUTH alice-token", f"POST number {number}")
            port.pass_time(4)
        client = port.connect()
        client.send("AUTH alice-token")
        port.microblog.drafts.clear()
        answers = client.ask(*[f"POST more {number}" for number in range(30)])
        refused = [
            answer for answer in answers if answer.startswith("ERR rate-limited At most 30 posts in five")
        ]
        assert len(refused) + len(port.microblog.drafts) == 30
        assert refused

    def test_posts_count_for_the_budget_that_the_website_and_the_api_share(self, port: Port) -> None:
        for _ in range(299):
            port.microblog.rate_limits.spend("post", "account:1")
        client = port.connect()
        assert client.ask("AUTH alice-token") == ["OK AUTH @alice read write"]
        heard = client.ask("POST the last one", "POST one too many")
        accepted, refused = (line for line in heard if line.startswith(("OK", "ERR")))
        assert accepted.startswith("OK POST ")
        assert refused == "ERR rate-limited That was too often. Try again in 36 seconds."

    def test_of_connections_are_for_the_address(self) -> None:
        port = Port(push_connections_per_host=2)
        first, _second, third = port.connect(), port.connect(), port.connect()
        assert third.heard() == [
            "ERR too-many-connections At most 2 push connections from one address. Close some first."
        ]
        assert third.closing
        assert not port.connect("192.0.2.9").closing
        first.hang_up()
        assert not port.connect().closing

    def test_of_connections_count_an_ipv6_network_as_one(self) -> None:
        port = Port(push_connections_per_host=1)
        port.connect("2001:db8::1")
        assert port.connect("2001:db8::2").closing
        assert not port.connect("2001:db8:0:1::1").closing

    def test_of_all_connections_is_for_the_process(self) -> None:
        port = Port(live_connections=2)
        first, _second, third = port.connect(), port.connect("192.0.2.8"), port.connect("192.0.2.9")
        assert third.heard() == [f"ERR too-many-connections {LIMIT_REACHED}"]
        assert third.closing
        first.hang_up()
        assert not port.connect().closing
