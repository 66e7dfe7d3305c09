"""Readers of the push port that do not read: what they cost, and what they get later."""

from __future__ import annotations

import pytest

from tests.protocols.fakes import Client, Port, post, texts


@pytest.fixture
def port() -> Port:
    return Port(push_buffer=4096, rate_limits="off")


def stalled(port: Port) -> Client:
    """Somebody who has seen the greeting and stopped reading."""
    client = port.connect()
    client.heard()
    client.transport.stopped = True
    return client


@pytest.fixture
def client(port: Port) -> Client:
    return stalled(port)


def read_in_pieces(client: Client, times: int) -> list[str]:
    """What comes when so many times a little is read; without the gaps."""
    lines: list[str] = []
    for _ in range(times):
        client.transport.go_on()
        client.transport.stopped = True
        lines += client.heard()
    return [line for line in lines if not line.startswith("GAP")]


class TestSlowReaders:
    def test_get_a_gap_and_then_everything(self, port: Port, client: Client) -> None:
        for number in range(1, 301):
            port.publish(post(number, f"number {number}"))
        assert port.factory.gaps == 1
        client.transport.go_on()
        lines = client.heard()
        (gap,) = [line for line in lines if line.startswith("GAP ")]
        lines.remove(gap)
        assert texts(lines) == [f"@alice: number {number}" for number in range(1, 301)]
        assert int(gap.split()[1]) < 300
        port.publish(post(301, "and on"))
        assert texts(client.heard()) == ["@alice: and on"]

    def test_cost_bounded_memory(self, port: Port, client: Client) -> None:
        for number in range(1, 3001):
            port.publish(post(number, "x" * 400))
        assert len(client.transport.value()) + client.connection._out.backlog < 3 * 4096

    def test_that_stall_while_they_catch_up_catch_up_again(self, port: Port, client: Client) -> None:
        for number in range(1, 501):
            port.publish(post(number, f"number {number}"))
        lines = read_in_pieces(client, 100)
        assert texts(lines) == [f"@alice: number {number}" for number in range(1, 501)]

    def test_that_take_nothing_for_a_minute_are_cut_off(self, port: Port, client: Client) -> None:
        for number in range(1, 301):
            port.publish(post(number))
        port.pass_time(100)
        assert client.heard()[-1].startswith("BYE slow ")
        assert client.transport.aborted
        assert port.factory.cut == 1

    def test_that_ask_and_do_not_read_are_cut_off(self, client: Client) -> None:
        client.send(*["HELP"] * 500)
        assert client.heard()[-1] == "BYE slow 0"
        assert client.closing

    def test_whose_past_is_gone_are_told(self, port: Port, client: Client) -> None:
        for number in range(1, 301):
            port.publish(post(number))
        port.microblog.dispatcher.oldest = 290
        client.transport.go_on()
        assert client.heard()[-1].startswith("BYE gone ")
        assert client.closing

    def test_get_a_long_replay_in_pieces_behind_its_answer(self, port: Port) -> None:
        for number in range(1, 1001):
            port.publish(post(number, f"number {number}"))
        client = stalled(port)
        client.send("SUBSCRIBE public SINCE 0")
        lines = read_in_pieces(client, 200)
        assert lines[0] == "OK SUBSCRIBE public CURSOR 0"
        assert texts(lines[1:]) == [f"@alice: number {number}" for number in range(1, 1001)]
