"""The log: its two formats, request ids, and redaction."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.logger import ILogObserver, Logger, LogLevel, LogPublisher
from twisted.python.failure import Failure

from microblog.runtime import log
from microblog.runtime.log import (
    LoggedService,
    bind_request,
    current_request,
    observer,
    observer_for_twistd,
    redact,
)


class Lines:
    """A logger and its lines."""

    def __init__(self, **options: str) -> None:
        self.file = io.StringIO()
        self.publisher = LogPublisher(observer(self.file, **options))

    def logger(self, namespace: str = "microblog.http.factory") -> Logger:
        return Logger(namespace=namespace, observer=self.publisher)

    @property
    def text(self) -> str:
        return self.file.getvalue()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


def failure(error: Exception) -> Failure:
    try:
        raise error
    except Exception:  # noqa: BLE001
        return Failure()


class TestText:
    def test_line_has_time_level_namespace_and_message(self) -> None:
        lines = Lines()
        lines.logger().info("Listening on {where}.", where="port 8000")
        assert lines.text.endswith("info     http.factory Listening on port 8000.\n")
        assert lines.text[4] == "-"
        assert lines.text[13] == ":"

    def test_class_name_is_not_part_of_the_namespace(self) -> None:
        lines = Lines()
        lines.logger("microblog.http.factory.HTTPFactory").info("x")
        assert " http.factory " in lines.text

    def test_unexpected_failure_has_its_traceback(self) -> None:
        lines = Lines()
        lines.logger().failure("It broke.", failure(ValueError("why")))
        assert "It broke.\n    Traceback" in lines.text
        assert "ValueError: why" in lines.text

    def test_expected_failure_is_one_line(self) -> None:
        lines = Lines()
        lines.logger().failure("The reader left.", failure(ValueError("why")), level=LogLevel.info)
        assert lines.text.count("\n") == 1
        assert "The reader left. (ValueError: why)" in lines.text

    def test_text_cannot_forge_a_line_or_move_the_cursor(self) -> None:
        lines = Lines()
        lines.logger().info("{text}", text="a\n2026-01-01 00:00:00 info forged\x1b[2J\r\x85\u2028\u202e")
        assert "\n    2026-01-01" in lines.text
        assert lines.text.count("\n") == 2
        for character in "\x1b\r\x85\u2028\u202e":
            assert character not in lines.text

    def test_long_message_is_cut(self) -> None:
        lines = Lines()
        lines.logger().info("{text}", text="x y " * 10_000)
        assert len(lines.text) < 5000

    def test_only_terminals_get_colours(self) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        terminal = Terminal()
        Logger(namespace="microblog.x", observer=observer(terminal)).warn("careful")
        assert "\x1b[33mwarn" in terminal.getvalue()

    def test_event_that_cannot_be_formatted_is_logged(self) -> None:
        class Bad:
            def __str__(self) -> str:
                raise RuntimeError("no")

            __repr__ = __str__

        lines = Lines()
        lines.logger().info("{bad}", bad=Bad())
        assert lines.text

    def test_closed_file_does_not_raise(self) -> None:
        lines = Lines()
        lines.file.close()
        lines.logger().info("x")


class TestLevels:
    def test_routine_events_of_twisted_are_debug(self) -> None:
        lines = Lines()
        lines.logger("twisted.internet.protocol.Factory").info("Starting factory {factory!r}", factory=1)
        lines.logger("log_legacy").info("Timing out client")
        assert lines.text == ""
        lines.logger("twisted.internet.defer").critical("Unhandled error in Deferred")
        assert "twisted      Unhandled error" in lines.text

    def test_events_below_the_level_are_not_written(self) -> None:
        lines = Lines(log_level="warn")
        lines.logger().info("quiet")
        lines.logger().warn("loud")
        assert "quiet" not in lines.text
        assert "loud" in lines.text


class TestJson:
    def test_json_record_has_the_fields_of_the_event(self) -> None:
        lines = Lines(log_format="json")
        lines.logger().info("GET {path} {status}", path="/", status=200)
        (record,) = lines.records
        assert record["message"] == "GET / 200"
        assert record["level"] == "info"
        assert record["namespace"] == "http.factory"
        assert record["fields"] == {"path": "/", "status": 200}
        assert record["time"].endswith("+00:00")

    def test_json_record_has_the_failure(self) -> None:
        lines = Lines(log_format="json")
        lines.logger().failure("It broke.", failure(ValueError("why")))
        (record,) = lines.records
        assert record["error"] == "ValueError: why"
        assert "Traceback" in record["traceback"]

    def test_each_event_is_one_line(self) -> None:
        lines = Lines(log_format="json")
        lines.logger().info("a\nb\u2028c")
        assert len(lines.text.splitlines()) == 1

    def test_a_field_named_like_a_secret_is_hidden(self) -> None:
        lines = Lines(log_format="json")
        lines.logger().info("signed in", password="hunter2", session_token="abc", to_email="x")
        assert lines.records[0]["fields"] == {
            "password": "[hidden]",
            "session_token": "[hidden]",
            "to_email": "[hidden]",
        }


class TestRequestId:
    async def test_lines_of_interleaved_requests_have_their_ids(self) -> None:
        lines = Lines()
        clock = Clock()
        logger = lines.logger()

        async def deeper(name: str) -> None:
            await deferLater(clock, 1)
            logger.info("middle of {name}", name=name)

        async def request(name: str) -> None:
            bind_request(f"id-{name}")
            logger.info("begin of {name}", name=name)
            await deeper(name)
            logger.info("end of {name}", name=name)

        running = [Deferred.fromCoroutine(request(name)) for name in ("a", "b")]
        logger.info("nobody's")
        clock.advance(1)
        for each in running:
            await each
        for line in lines.text.splitlines():
            if "nobody" in line:
                assert "[id-" not in line
            else:
                assert f"[id-{line.split(' of ')[1][0]}]" in line
        assert current_request() == ""


class TestRedaction:
    @pytest.mark.parametrize(
        "text",
        [
            "mail to canary@example.org failed",
            "mail to <canary+tag@sub.example.org>",
            "RCPT canary@[127.0.0.1]",
            "postgresql://user:canary@host/db",
            "smtp://canary:canary@host",
            "Authorization: Bearer canary-canary-canary",
            "authorization: canary",
            "password=canary",
            "new_password='canary canary'",
            '{"password": "canary canary"}',
            "{'access_token': 'canary'}",
            "token: canary",
            "client_secret=canary&x=1",
            "Cookie: session=canary",
            "csrf=canary",
            "GET /reset/Canary0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0canary",
        ],
    )
    def test_secrets_are_hidden(self, text: str) -> None:
        assert "canary" not in redact(text).lower()

    @pytest.mark.parametrize(
        "text",
        [
            "GET /@bob 200 in 3 ms",
            "Listening on tcp:8000:interface=127.0.0.1",
            "post 116170937205555200 by 42",
            "static/site.0123456789abcdef0123456789abcdef.css",
            "PostgreSQL is back after 0.2 s (process 14029).",
            "microblog.services.accounts.reset_password_by_mail_address",
        ],
    )
    def test_other_texts_are_shown(self, text: str) -> None:
        assert redact(text) == text

    @pytest.mark.parametrize(
        "text", ["a" * 200_000, "@" * 200_000, "a@" * 100_000, "-a" * 100_000, "token=" * 50_000]
    )
    def test_hostile_texts_take_linear_time(self, text: str) -> None:
        assert redact(text)

    def test_messages_and_tracebacks_are_redacted(self) -> None:
        for log_format in ("text", "json"):
            lines = Lines(log_format=log_format)
            lines.logger().failure("for canary@example.org", failure(ValueError("password=canary")))
            assert "canary" not in lines.text.replace('"canary"', "").replace("ValueError(", "")


class TestTwistd:
    def test_application_gets_the_observer(self) -> None:
        from twisted.application.service import Application

        made = observer(io.StringIO())
        application = Application("microblog")
        LoggedService(made).setServiceParent(application)
        assert application.getComponent(ILogObserver) is made

    @pytest.mark.parametrize("told", [{"syslog": True}, {"logger": "x.y"}])
    def test_logger_option_of_twistd_wins(self, told: dict[str, Any]) -> None:
        assert observer_for_twistd(told) is None

    def test_log_file_of_twistd_is_used(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        opened: list[Any] = []
        real = log._log_file
        monkeypatch.setattr(log, "_log_file", lambda path: opened.append(real(path)) or opened[0])
        made = observer_for_twistd({"logfile": str(tmp_path / "x.log"), "nodaemon": True})
        assert made is not None
        Logger(namespace="microblog.x", observer=made).info("here")
        opened[0].close()
        assert "here" in (tmp_path / "x.log").read_text()
