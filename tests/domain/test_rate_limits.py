"""How often one may."""

from __future__ import annotations

from contextlib import suppress

import pytest
from twisted.internet.task import Clock

from microblog.domain.errors import RateLimited
from microblog.domain.rate_limits import Limit, RateLimits, address_key
from microblog.http.routing import Routes

THREE = {"mail": Limit(3, 30.0)}


def test_a_burst_is_allowed_and_then_one_at_a_time() -> None:
    clock = Clock()
    limits = RateLimits(clock.seconds, limits=THREE)
    assert [limits.spend("mail", "a") for _ in range(3)] == [(3, 2, 10.0), (3, 1, 20.0), (3, 0, 30.0)]
    with pytest.raises(RateLimited) as caught:
        limits.spend("mail", "a")
    assert caught.value.retry_after == 10
    clock.advance(10)
    limits.spend("mail", "a")
    with pytest.raises(RateLimited):
        limits.spend("mail", "a")
    clock.advance(1000)
    assert limits.spend("mail", "a") == (3, 2, 10.0)


def test_each_key_and_each_class_has_its_own() -> None:
    limits = RateLimits(Clock().seconds, limits={"mail": Limit(1, 1), "login": Limit(1, 1)})
    limits.spend("mail", "a")
    limits.spend("mail", "b")
    limits.spend("login", "a")
    with pytest.raises(RateLimited):
        limits.spend("mail", "a")


def test_the_table_is_bounded_and_forgets_the_least_recently_used() -> None:
    limits = RateLimits(Clock().seconds, limits=THREE, max_buckets=100)
    for number in range(1000):
        limits.spend("mail", str(number))
        limits.spend("mail", "kept") if number < 3 else None
    assert len(limits) == 100


def test_a_bucket_in_use_is_not_pushed_out() -> None:
    limits = RateLimits(Clock().seconds, limits=THREE, max_buckets=10)
    for _ in range(3):
        limits.spend("mail", "kept")
    for number in range(100):
        limits.spend("mail", str(number))
        with pytest.raises(RateLimited):
            limits.spend("mail", "kept")


def test_a_clock_that_goes_back_gives_nothing() -> None:
    now = [100.0]
    limits = RateLimits(lambda: now[0], limits=THREE)
    for _ in range(3):
        limits.spend("mail", "a")
    now[0] = 50.0
    with pytest.raises(RateLimited):
        limits.spend("mail", "a")


def test_one_setting_turns_all_off() -> None:
    limits = RateLimits(Clock().seconds, limits=THREE, enabled=False)
    assert [limits.spend("mail", "a") for _ in range(10)] == [None] * 10
    with pytest.raises(KeyError):
        limits.spend("nonsense", "a")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("unix", "unix", True),
    ],
)
def test_an_ipv6_customer_is_one_whatever_the_address(one: str, other: str, same: bool) -> None:
    assert (address_key(one) == address_key(other)) is same


def test_secrets_are_not_guessed_from_all_addresses_of_one_network() -> None:
    limits = RateLimits(Clock().seconds, limits={"login": Limit(2, 60), "read": Limit(2, 60)})
    for number in range(32):
        limits.spend_by_address("login", f"2001:db8:0:{number:x}::1")
    with pytest.raises(RateLimited):
        limits.spend_by_address("login", "2001:db8:0:ffff::1")
    limits.spend_by_address("login", "2001:db8:1::1")
    limits.spend_by_address("login", "192.0.2.1")
    for number in range(40):  # reading has no such bound
        limits.spend_by_address("read", f"2001:db8:0:{number:x}::1")


def test_the_text_says_when_to_come_back() -> None:
    limits = RateLimits(Clock().seconds, limits={"a": Limit(1, 0.5), "b": Limit(1, 3600)})
    for kind, text in (("a", "a second"), ("b", "60 minutes")):
        limits.spend(kind, "x")
        with pytest.raises(RateLimited, match=text):
            limits.spend(kind, "x")


def test_completing_a_mention_and_searching_have_budgets_of_their_own() -> None:
    from microblog.web.api import accounts, search
    from microblog.web.html import search as page

    def limits(routes: Routes, path: str) -> set[str | None]:
        return {route.limit for route in routes if route.path == path}

    assert limits(accounts.api.routes, "/api/v1/accounts/search") == {"completion"}
    assert limits(search.api.routes, "/api/v2/search") == limits(page.routes, "/search") == {"search"}


def test_a_flood_from_many_networks_gives_no_guess_back() -> None:
    limits = RateLimits(
        Clock().seconds, limits={"login": Limit(3, 300), "read": Limit(600, 300)}, max_buckets=50
    )
    for _ in range(3):
        limits.spend("login", "account:1:tries")
        limits.spend_by_address("login", "2001:db8::1")
    for number in range(2000):
        for kind in ("read", "login"):
            with suppress(RateLimited):
                limits.spend_by_address(kind, f"2001:{number:x}::1")
        with suppress(RateLimited):
            limits.spend("login", f"typed:{number}")
    for spend in (
        lambda: limits.spend("login", "account:1:tries"),
        lambda: limits.spend_by_address("login", "2001:db8::1"),
    ):
        with pytest.raises(RateLimited):
            spend()
    assert len(limits) <= 50 * 5
