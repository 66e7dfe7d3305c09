"""One's mail address: changed, confirmed, and kept."""

from __future__ import annotations

from typing import Any

import pytest

from microblog.domain.accounts import User, Viewer
from microblog.domain.errors import Conflict, Gone, InvalidInput, RateLimited
from tests.services.people import PASSWORD, Site

OLD, NEW = "ada@example.org", "ada@example.net"


async def confirmed(site: Site) -> Viewer:
    """Ada, who has confirmed her address."""
    account, _ = await site.sign_up.create("ada", OLD, password=PASSWORD)
    return await site.viewer(account.id)


async def user(site: Site, viewer: Viewer) -> User:
    return await site.accounts.user(viewer)


async def mails(site: Site, kind: str) -> list[Any]:
    return [
        to for (to,) in await site.sql("SELECT payload->>'to' FROM jobs WHERE kind = %s ORDER BY id", kind)
    ]


async def test_the_old_one_stays_until_the_new_one_is_confirmed(site: Site) -> None:
    ada = await confirmed(site)
    assert (
        await site.credentials.change_email(ada, PASSWORD, f" {NEW.upper()[:3]}@Example.NET ")
        == "ADA@example.net"
    )
    before = await user(site, ada)
    assert (before.email, before.email_pending, before.email_waiting) == (
        OLD,
        "ADA@example.net",
        "ADA@example.net",
    )
    assert before.email_confirmed_at is not None
    await site.credentials.confirm_email(await site.secret_of("mail.confirm"))
    after = await user(site, ada)
    assert (after.email, after.email_pending, after.email_waiting) == ("ADA@example.net", None, None)
    assert after.email_confirmed_at is not None
    await site.sessions.log_in(NEW, PASSWORD)
    with pytest.raises(InvalidInput):
        await site.sessions.log_in(OLD, PASSWORD)


async def test_the_link_goes_to_the_new_one_and_a_word_of_it_to_the_old_one(site: Site) -> None:
    ada = await confirmed(site)
    await site.credentials.change_email(ada, PASSWORD, NEW)
    assert await mails(site, "mail.confirm") == [NEW]
    assert await mails(site, "mail.changing") == [OLD]


async def test_an_old_one_that_nobody_confirmed_is_told_nothing(site: Site) -> None:
    ada = await site.person("ada")
    await site.credentials.change_email(ada, PASSWORD, NEW)
    assert await mails(site, "mail.changing") == []


async def test_it_takes_the_password_and_a_good_address(site: Site) -> None:
    ada = await confirmed(site)
    for password, email, field in (
        ("not it", NEW, "password"),
        (PASSWORD, "nonsense", "email"),
        (PASSWORD, OLD.upper(), "email"),
        (PASSWORD, "a" * 300 + "@example.org", "email"),
    ):
        with pytest.raises(InvalidInput) as error:
            await site.credentials.change_email(ada, password, email)
        assert error.value.field == field
    assert (await user(site, ada)).email_pending is None


async def test_that_the_new_one_is_somebodys_shows_nowhere_and_gives_nobody_anything(site: Site) -> None:
    ada = await confirmed(site)
    await site.sign_up.create("bob", "bob@example.org")
    assert await site.credentials.change_email(ada, PASSWORD, "bob@example.org") == "bob@example.org"
    with pytest.raises(Gone):
        await site.credentials.confirm_email(await site.secret_of("mail.confirm"))
    assert (await user(site, ada)).email == OLD


async def test_a_change_can_be_taken_back(site: Site) -> None:
    ada = await confirmed(site)
    await site.credentials.change_email(ada, PASSWORD, NEW)
    secret = await site.secret_of("mail.confirm")
    await site.credentials.keep_email(ada)
    with pytest.raises(Gone):
        await site.credentials.confirm_email(secret)
    assert (await user(site, ada)).email_waiting is None


@pytest.mark.parametrize("how", ["changed", "reset", "console"])
async def test_a_new_password_stops_a_change_that_somebody_else_may_have_asked_for(
    site: Site, how: str
) -> None:
    ada = await confirmed(site)
    await site.credentials.change_email(ada, PASSWORD, "thief@example.net")
    secret = await site.secret_of("mail.confirm")
    if how == "changed":
        await site.credentials.change_password(ada, PASSWORD, "another good phrase")
    elif how == "reset":
        await site.credentials.request_reset(OLD)
        await site.credentials.reset(await site.secret_of("mail.reset"), "another good phrase")
    else:
        await site.credentials.reset_password("ada")
    with pytest.raises(Gone):
        await site.credentials.confirm_email(secret)
    assert (await user(site, ada)).email == OLD


async def test_links_to_a_new_password_in_the_old_mailbox_are_void_after_a_change(site: Site) -> None:
    ada = await confirmed(site)
    await site.credentials.request_reset(OLD)
    secret = await site.secret_of("mail.reset")
    await site.credentials.change_email(ada, PASSWORD, NEW)
    await site.credentials.confirm_email(await site.secret_of("mail.confirm"))
    with pytest.raises(Gone):
        await site.credentials.reset(secret, "another good phrase")


async def test_of_two_who_want_one_address_the_first_to_confirm_has_it(site: Site) -> None:
    ada, bob = await confirmed(site), await site.person("bob")
    await site.credentials.change_email(ada, PASSWORD, NEW)
    hers = await site.secret_of("mail.confirm")
    await site.credentials.change_email(bob, PASSWORD, NEW)
    await site.credentials.confirm_email(await site.secret_of("mail.confirm"))
    with pytest.raises(Gone):
        await site.credentials.confirm_email(hers)
    assert ((await user(site, bob)).email, (await user(site, ada)).email) == (NEW, OLD)


class TestSendingTheLinkAgain:
    async def test_it_goes_to_the_address_that_waits(self, site: Site) -> None:
        ada = await site.person("ada")
        assert await site.credentials.resend_confirmation(ada) == OLD
        await site.credentials.change_email(ada, PASSWORD, NEW)
        assert await site.credentials.resend_confirmation(ada) == NEW
        assert await mails(site, "mail.confirm") == [OLD, NEW, NEW]
        await site.credentials.confirm_email(await site.secret_of("mail.confirm"))
        assert (await user(site, ada)).email == NEW

    async def test_there_is_nothing_to_send_to_one_that_is_confirmed(self, site: Site) -> None:
        with pytest.raises(Conflict):
            await site.credentials.resend_confirmation(await confirmed(site))

    async def test_nobody_has_more_than_a_few_sent_within_an_hour(self, site: Site) -> None:
        ada = await confirmed(site)
        for number in range(5):
            await site.credentials.change_email(ada, PASSWORD, f"{number}@example.net")
        for asked in (
            site.credentials.resend_confirmation(ada),
            site.credentials.change_email(ada, PASSWORD, NEW),
        ):
            with pytest.raises(RateLimited):
                await asked
        assert (await user(site, ada)).email_pending == "4@example.net"
        site.now.advance(minutes=61)
        await site.credentials.resend_confirmation(ada)
