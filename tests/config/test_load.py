"""Settings: their values, their sources, and their errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from microblog.config.kinds import Setting
from microblog.config.load import Config, ConfigError, option, variable
from microblog.config.table import SETTINGS

KEYS = [setting.key for setting in SETTINGS]


def load(options: dict[str, object] | None = None, /, **variables: str) -> Config:
    environ = {variable(key): value for key, value in variables.items()}
    return Config.load(options or {}, environ)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run elsewhere: the default data directory is relative, and the checkout's may hold a configuration file."""
    monkeypatch.chdir(tmp_path)


class TestDefaults:
    def test_every_setting_has_a_default(self, tmp_path: Path) -> None:
        config = load()
        assert config.data_dir == tmp_path / "var"
        assert config.database is None
        assert config.http == ("tcp:8000:interface=127.0.0.1",)
        assert config.push == ("tcp:7000:interface=127.0.0.1",)
        assert config.public_url == "http://localhost:8000"
        assert config.mail_from == "Microblog <microblog@localhost>"
        assert config.registration == "open"
        assert config.post_length == 500
        assert config.rate_limits is True
        assert config.roles == {"web", "push", "tasks"}
        assert config.trusted_proxies == ()
        assert [str(network) for network in config.metrics_allow] == ["127.0.0.1/32", "::1/128"]

    @pytest.mark.parametrize("setting", SETTINGS, ids=KEYS)
    def test_each_example_is_valid(self, setting: Setting) -> None:
        load({setting.key: setting.example})

    @pytest.mark.parametrize("setting", SETTINGS, ids=KEYS)
    def test_each_help_is_a_sentence(self, setting: Setting) -> None:
        assert setting.help.endswith(".")
        assert setting.metavar


class TestSources:
    def test_options_win_over_variables_and_variables_over_the_file(self, tmp_path: Path) -> None:
        file = tmp_path / "m.toml"
        file.write_text('post_length = 1\nsite_name = "File"\nregistration = "closed"\n')
        config = load({"config": str(file), "post-length": "3"}, post_length="2", site_name="Variable")
        assert (config.post_length, config.site_name, config.registration) == (3, "Variable", "closed")
        assert config.file == file

    def test_variable_may_name_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "m.toml").write_text("post_length = 7")
        assert load(config=str(tmp_path / "m.toml")).post_length == 7

    def test_file_in_the_data_directory_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "microblog.toml").write_text("post_length = 8")
        assert load({"data_dir": str(tmp_path)}).post_length == 8
        assert load(data_dir=str(tmp_path)).post_length == 8

    def test_missing_options_count_as_not_given(self) -> None:
        assert load({"post_length": None, "http": []}, post_length="2").post_length == 2

    def test_other_variables_are_ignored(self) -> None:
        assert Config.load({}, {"MICROBLOGGER": "x", "PATH": "/bin"}).post_length == 500

    def test_empty_variable_counts_as_unset(self) -> None:
        assert load(smtp="", database="").smtp is None

    def test_each_source_may_hold_lists(self, tmp_path: Path) -> None:
        expected = ("tcp:1", "tcp:2")
        (tmp_path / "m.toml").write_text('http = ["tcp:1", "tcp:2"]')
        assert load({"http": ["tcp:1", "tcp:2"]}).http == expected
        assert load(http="tcp:1; tcp:2").http == expected
        assert load({"config": str(tmp_path / "m.toml")}).http == expected
        assert load(trusted_proxies="10.0.0.0/8, 192.0.2.1").trusted_proxies[1].num_addresses == 1

    def test_endpoint_keeps_its_escaped_semicolon(self) -> None:
        assert load(http=r"unix:/tmp/a\;b;tcp:2").http == (r"unix:/tmp/a\;b", "tcp:2")

    def test_list_may_be_empty(self) -> None:
        assert load(metrics_allow="").metrics_allow == ()


WRONG: list[tuple[str, Any]] = [
    ("post_length", "0"),
    ("post_length", "10001"),
    ("post_length", "five"),
    ("post_length", "5.5"),
    ("post_length", "٣"),
    ("post_length", True),
    ("post_length", [5]),
    ("pool_size", "0"),
    ("statement_timeout", "nan"),
    ("statement_timeout", "inf"),
    ("statement_timeout", "-1"),
    ("drain_timeout", "1e3"),
    ("http", "8000"),
    ("http", "tcp:"),
    ("http", "tcp:99999"),
    ("http", "tcp:-1"),
    ("http", "quic:443"),
    ("http", []),
    ("http", "ssl:443:privateKey=/no/such/key.pem"),
    ("http", "systemd:domain=INET:index=0"),
    ("push", 7000),
    ("public_url", "localhost:8000"),
    ("public_url", "ftp://x"),
    ("public_url", "https://x/blog"),
    ("public_url", "https://user@x"),
    ("public_url", "https://x:port"),
    ("public_url", "https://x y"),
    ("public_url", "https://"),
    ("public_url", "https://x?y"),
    ("database", "mysql://x/y"),
    ("database", "postgresql://"),
    ("smtp", "mail.example"),
    ("smtp", "smtp://"),
    ("smtp", "smtp://user@mail.example"),
    ("mail_from", "nobody"),
    ("mail_from", "A <a@b>\nBcc: c@d"),
    ("mail_from", "@b"),
    ("site_name", ""),
    ("site_name", "two\nlines"),
    ("site_name", "x" * 61),
    ("registration", "maybe"),
    ("time_zone", "Mars/Olympus"),
    ("time_zone", "../../etc/passwd"),
    ("languages", "english"),
    ("languages", []),
    ("trusted_proxies", "proxy.example"),
    ("trusted_proxies", "10.0.0.1/8"),
    ("rate_limits", "perhaps"),
    ("log_level", "loud"),
    ("log_format", "xml"),
    ("roles", "web, mail"),
    ("roles", []),
    ("data_dir", ""),
    ("push_buffer", "1"),
]


class TestWrongSettings:
    @pytest.mark.parametrize(("key", "value"), WRONG, ids=[f"{key}={value!r}" for key, value in WRONG])
    def test_error_names_the_key_the_source_and_a_right_value(
        self, key: str, value: object, tmp_path: Path
    ) -> None:
        if value in ([], ""):  # as an option, those are "not given"
            file = tmp_path / "wrong.toml"
            file.write_text(f"{key} = {'[]' if value == [] else repr('')}")
            options: dict[str, object] = {"config": str(file)}
            source = str(file)
        else:
            options, source = {key: value}, option(key)
        with pytest.raises(ConfigError) as caught:
            load(options)
        text = str(caught.value)
        assert text.startswith(f"{key} is wrong: ")
        assert source in text
        assert "It must be " in text
        assert "for example: " in text
        assert "\n" not in text

    def test_file_is_no_data_directory(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_text("")
        with pytest.raises(ConfigError, match="data_dir is wrong"):
            load({"data_dir": str(tmp_path / "x")})

    @pytest.mark.parametrize(
        ("loading", "suggestion"),
        [
            (lambda: load(post_lenght="1"), "MICROBLOG_POST_LENGTH"),
            (lambda: load({"post_lenght": "1"}), "--post-length"),
            (lambda: Config.load({}, {"MICROBLOG_post_length": "1"}), "MICROBLOG_POST_LENGTH"),
        ],
    )
    def test_unknown_key_gets_a_suggestion(self, loading: Any, suggestion: str) -> None:
        with pytest.raises(ConfigError, match=f"Did you mean {suggestion}"):
            loading()

    def test_unknown_key_in_the_file_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "m.toml").write_text("sitename = 'x'")
        with pytest.raises(
            ConfigError, match=r"no setting sitename \(in .*m\.toml\)\. Did you mean site_name"
        ):
            load({"config": str(tmp_path / "m.toml")})

    @pytest.mark.parametrize(
        ("content", "text"), [(b"post_length 5", "not TOML"), (b"site_name = '\xff'", "not UTF-8")]
    )
    def test_malformed_file_is_an_error(self, tmp_path: Path, content: bytes, text: str) -> None:
        (tmp_path / "m.toml").write_bytes(content)
        with pytest.raises(ConfigError, match=text):
            load({"config": str(tmp_path / "m.toml")})

    def test_missing_named_file_is_an_error(self) -> None:
        with pytest.raises(ConfigError, match=r"no file /no/such\.toml.*option --config"):
            load({"config": "/no/such.toml"})

    def test_file_cannot_set_the_data_directory_it_is_in(self, tmp_path: Path) -> None:
        (tmp_path / "microblog.toml").write_text("data_dir = '/elsewhere'")
        with pytest.raises(ConfigError, match="data_dir can't be set"):
            load({"data_dir": str(tmp_path)})


class TestSecrets:
    def test_repr_has_no_password(self) -> None:
        config = load(
            {"database": "postgresql://u:canary@h/d", "smtp": "smtp://u%40x:can%61ry@mail.example:587"}
        )
        assert config.smtp is not None
        assert (config.smtp.user, config.smtp.password) == ("u@x", "canary")
        assert "canary" not in f"{config!r} {config} {config.smtp}"

    @pytest.mark.parametrize("key", ["database", "smtp"])
    def test_errors_have_no_password(self, key: str) -> None:
        with pytest.raises(ConfigError) as caught:
            load({key: "http://user:canary@host"})
        assert "canary" not in str(caught.value)

    @pytest.mark.parametrize("password", ["canary%zz", "canary%", "canary%00"])
    def test_bare_percent_sign_is_an_error_without_the_password(self, password: str) -> None:
        with pytest.raises(ConfigError, match="% is written %25") as caught:
            load({"database": f"postgresql://user:{password}@host/name"})
        assert "canary" not in str(caught.value)
        assert load({"database": "postgresql://user:100%25@host/name"}).database


class TestMeanings:
    @pytest.mark.parametrize(
        ("given", "kept", "host", "secure"),
        [
            ("https://Social.Example/", "https://social.example", "social.example", True),
            ("https://social.example:443", "https://social.example", "social.example", True),
            ("http://localhost:8000", "http://localhost:8000", "localhost", False),
            ("https://bücher.example", "https://xn--bcher-kva.example", "xn--bcher-kva.example", True),
            ("http://[::1]:8000", "http://[::1]:8000", "::1", False),
        ],
    )
    def test_public_url_is_normalised(self, given: str, kept: str, host: str, secure: bool) -> None:
        config = load({"public_url": given})
        assert (config.public_url, config.host, config.secure) == (kept, host, secure)

    def test_default_mail_sender_is_at_the_sites_host(self) -> None:
        assert load(public_url="https://social.example").mail_from == "Microblog <microblog@social.example>"
        assert load(public_url="http://127.0.0.1:1").mail_from == "Microblog <microblog@[127.0.0.1]>"

    @pytest.mark.parametrize(
        ("url", "port", "implicit", "required"),
        [
            ("smtp://mail.example", 25, False, False),
            ("smtps://mail.example", 465, True, True),
            ("smtp://u:p@mail.example:587", 587, False, True),
            ("smtp://u:p@127.0.0.1:2525", 2525, False, False),
        ],
    )
    def test_smtp_url_is_parsed(self, url: str, port: int, implicit: bool, required: bool) -> None:
        smtp = load(smtp=url).smtp
        assert smtp is not None
        assert (smtp.port, smtp.implicit_tls, smtp.require_tls) == (port, implicit, required)

    @pytest.mark.parametrize("value", ["off", "false", "0", "NO", False])
    def test_words_for_off_are_accepted(self, value: object) -> None:
        assert load({"rate_limits": value}).rate_limits is False

    def test_console_command_needs_no_socket(self) -> None:
        config = Config.load({"http": ["systemd:domain=INET:index=0"]}, {}, listening=False)
        assert config.http == ("systemd:domain=INET:index=0",)
