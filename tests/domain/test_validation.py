"""What people may call themselves, and where they may be reached."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain import validation
from microblog.domain.common_passwords import COMMON_PASSWORDS
from microblog.domain.errors import InvalidInput


def refused(field: str, reason: str = "invalid") -> pytest.RaisesExc[InvalidInput]:
    return pytest.RaisesExc(
        InvalidInput, check=lambda error: error.field == field and error.reason == reason and bool(error.text)
    )


class TestUserName:
    @pytest.mark.parametrize(
        ("raw", "name"), [("bob", "bob"), (" @Bob ", "bob"), ("a", "a"), ("1_2", "1_2"), ("x" * 30, "x" * 30)]
    )
    def test_is_kept_in_lower_case(self, raw: str, name: str) -> None:
        assert validation.user_name(raw) == name

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            ("", "blank"),
            ("  ", "blank"),
            ("bób", "invalid"),
            ("вов", "invalid"),
            ("ｂｏｂ", "invalid"),
            ("b b", "invalid"),
            ("b-b", "invalid"),
            ("b.b", "invalid"),
            ("bob\n", "fine"),
            ("bob\x00", "invalid"),
            ("@@bob", "invalid"),
            ("__", "invalid"),
            ("x" * 31, "too_long"),
            ("Admin", "reserved"),
            ("api", "reserved"),
            ("\u212a", "invalid"),  # the Kelvin sign, whose lower case is k
        ],
    )
    def test_is_refused_with_a_reason(self, raw: str, reason: str) -> None:
        if reason == "fine":
            assert validation.user_name(raw) == "bob"
        else:
            with refused("name", reason):
                validation.user_name(raw)

    def test_may_be_reserved_for_those_who_run_the_site(self) -> None:
        assert validation.user_name("admin", allow_reserved=True) == "admin"

    def test_reserved_names_are_names(self) -> None:
        for name in validation.RESERVED:
            assert validation.user_name(name, allow_reserved=True) == name

    @pytest.mark.parametrize(
        ("raw", "name"),
        [("@Bob", "bob"), ("admin", "admin"), ("bób", None), ("", None), ("a" * 31, None), ("a/b", None)],
    )
    def test_is_known_from_what_is_typed(self, raw: str, name: str | None) -> None:
        assert validation.known_name(raw) == name

    @given(st.text())
    def test_is_a_name_or_refused(self, raw: str) -> None:
        try:
            name = validation.user_name(raw)
        except InvalidInput:
            return
        assert validation.user_name(name) == validation.known_name(name) == name


class TestEmail:
    @pytest.mark.parametrize(
        ("raw", "address"),
        [
            ("joe@example.com", "joe@example.com"),
            (" Joe.Bloggs+tag@EXAMPLE.com ", "Joe.Bloggs+tag@example.com"),
            ("joe@bücher.de", "joe@xn--bcher-kva.de"),
            ("o'neil@example.co.uk", "o'neil@example.co.uk"),
            ("root@localhost", "root@localhost"),
        ],
    )
    def test_has_a_canonical_host(self, raw: str, address: str) -> None:
        assert validation.email(raw) == address

    @pytest.mark.parametrize(
        "raw",
        [
            "joe",
            "@example.com",
            "joe@",
            "joe@host",
            "joe@@example.com",
            "joe@a@example.com",
            "joe bloggs@example.com",
            ".joe@example.com",
            "joe.@example.com",
            "jo..e@example.com",
            '"joe"@example.com',
            "joé@example.com",
            "joe@example..com",
            "joe@ example.com",
            "joe@[127.0.0.1]",
            "joe@exam_ple.com",
            "joe\r\nBcc: all@example.com",
            "joe@example.com\nBcc: all@example.com",
            "joe@example.com,eve@example.com",
            "<joe@example.com>",
            "joe\x00@example.com",
        ],
    )
    def test_is_refused_unless_mail_can_go_there(self, raw: str) -> None:
        with refused("email"):
            validation.email(raw)

    def test_is_wanted_and_short(self) -> None:
        with refused("email", "blank"):
            validation.email("  ")
        with refused("email", "too_long"):
            validation.email("a" * 65 + "@example.com")
        with refused("email", "too_long"):
            validation.email("a@" + "b" * 60 + "." + "c." * 100 + "com")


class TestProfile:
    def test_a_display_name_is_one_line(self) -> None:
        assert validation.display_name(" Bob\n\t the  Builder\u202e ") == "Bob the Builder"
        assert validation.display_name("\u200b\u2800") == ""
        assert validation.display_name("👩‍👩‍👧" * 50) == "👩‍👩‍👧" * 50
        with refused("display_name", "too_long"):
            validation.display_name("x" * 51)

    def test_a_bio_keeps_its_lines(self) -> None:
        assert validation.bio(" one\r\n\r\n\r\ntwo ") == " one\n\ntwo"
        assert validation.bio("\u200b") == ""
        assert validation.bio("https://example.com/" + "x" * 1000)
        with refused("bio", "too_long"):
            validation.bio("x" * 501)
        with refused("bio", "too_long"):
            validation.bio("x" + " " * 100_000)

    def test_a_profile_has_lines_with_labels(self) -> None:
        assert validation.profile_fields([(" Site ", "https://example.com\n"), ("Empty", ""), ("", "")]) == [
            ("Site", "https://example.com")
        ]
        with refused("fields", "blank"):
            validation.profile_field("", "value")
        with refused("fields", "too_long"):
            validation.profile_field("label", "x" * 256)
        with refused("fields", "too_long"):
            validation.profile_fields([("a", "b")] * 5)


class TestPassword:
    @pytest.mark.parametrize(
        "raw", ["correct horse", "  spaces  kept  ", "пароль-надёжный", "bob likes tea", "x1y2z3" * 100]
    )
    def test_may_be_anything_long_enough(self, raw: str) -> None:
        assert validation.password(raw, "bob", "joe@example.com") == raw

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            ("", "blank"),
            ("short12", "too_short"),
            ("x" * 1001, "too_long"),
            ("password", "common"),
            ("PassWord1", "common"),
            ("abababab", "common"),
            ("robertson", "invalid"),
            ("Robertson1984!", "invalid"),
            ("rob.ertson@example.com", "invalid"),
            ("secret\x00secret", "invalid"),
            ("secret\ud800secret", "invalid"),
        ],
    )
    def test_is_refused_when_it_can_be_guessed(self, raw: str, reason: str) -> None:
        with refused("password", reason):
            validation.password(raw, "robertson", "rob.ertson@example.com")

    def test_is_the_same_from_any_keyboard(self) -> None:
        assert validation.password("cafe\u0301 noir") == validation.password("café noir")

    def test_common_ones_are_such_as_would_pass_otherwise(self) -> None:
        assert all(
            len(word) >= validation.MIN_PASSWORD and word == word.casefold() for word in COMMON_PASSWORDS
        )
