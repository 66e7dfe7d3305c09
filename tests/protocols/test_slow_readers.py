"""Readers of the push port that do not read: what they cost, and what they get later."""

from __future__ import annotations

from tests.protocols.fakes import Port, post, texts


class TestSlowReaders:
    def port(self) -> Port:
        return Port(push_buffer=4096, rate_limits="off")

    def test_get_a_gap_and_then_everything(self) -> None:
        port = self.port()
        client = port.connect()
        client.heard()
        client.transport.stopped = True
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

    def test_cost_bounded_memory(self) -> None:
        port = self.port()
        client = port.connect()
        client.transport.stopped = True
        for number in range(1, 3001):
            port.publish(post(number, "x" * 400))
        assert len(client.transport.value()) + client.connection._out.backlog < 3 * 4096

    def test_that_stall_while_they_catch_up_catch_up_again(self) -> None:
        port = self.port()
        client = port.connect()
        client.heard()
        client.transport.stopped = True
        for number in range(1, 501):
            port.publish(post(number, f"number {number}"))
        lines: list[str] = []
        for _ in range(100):
            client.transport.go_on()
            client.transport.stopped = True
            lines += client.heard()
        assert texts(line for line in lines if not line.startswith("GAP")) == [
            f"@alice: number {number}" for number in range(1, 501)
        ]

    def test_that_take_nothing_for_a_minute_are_cut_off(self) -> None:
        port = self.port()
        client = port.connect()
        client.heard()
        client.transport.stopped = True
        for number in range(1, 301):
            port.publish(post(number))
        port.pass_time(100)
        assert client.heard()[-1].startswith("BYE slow ")
        assert client.transport.aborted
        assert port.factory.cut == 1

    def test_that_ask_and_do_not_read_are_cut_off(self) -> None:
        port = self.port()
        client = port.connect()
        client.heard()
        client.transport.stopped = True
        client.send(*["HELP"] * 500)
        assert client.heard()[-1] == "BYE slow 0"
        assert client.closing

    def test_whose_past_is_gone_are_told(self) -> None:
        port = self.port()
        client = port.connect()
        client.heard()
        client.transport.stopped = True
        for number in range(1, 301):
            port.publish(post(number))
        port.microblog.notifier.oldest = 290
        client.transport.go_on()
        assert client.heard()[-1].startswith("BYE gone ")
        assert client.closing

    def test_get_a_long_replay_in_pieces_behind_its_answer(self) -> None:
        port = self.port()
        for number in range(1, 1001):
            port.publish(post(number, f"number {number}"))
        client = port.connect()
        client.heard()
        client.transport.stopped = True
        client.send("SUBSCRIBE public SINCE 0")
        lines: list[str] = []
        for _ in range(200):
            client.transport.go_on()
            client.transport.stopped = True
            lines += client.heard()
        assert lines[0] == "OK SUBSCRIBE public CURSOR 0"
        assert texts(line for line in lines[1:] if not line.startswith("GAP")) == [
            f"@alice: number {number}" for number in range(1, 1001)
        ]
