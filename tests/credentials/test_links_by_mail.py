"""Links in mails: no secret waits in the database, and nobody uses up another person's share of mails."""

from __future__ import annotations

import pytest

from microblog.domain.errors import Gone
from microblog.services.credentials import RESETS, RESETS_IN_ALL
from microblog.services.outgoing_mail import OutgoingMail
from microblog.services.sign_up import WELCOMES
from tests.services.people import PASSWORD, Site

NEW = "another good phrase"


async def jobs(site: Site, kind: str) -> list[dict[str, object]]:
    return [payload for (payload,) in await site.sql("SELECT payload FROM jobs WHERE kind = %s", kind)]


@pytest.mark.parametrize("kind", ["mail.reset", "mail.welcome", "mail.confirm"])
async def test_a_waiting_job_opens_nothing(site: Site, kind: str) -> None:
    ada = await site.person("ada")
    await site.credentials.request_reset("ada@example.org")
    await site.credentials.resend_confirmation(ada)
    [payload] = await jobs(site, kind)
    for text in map(str, payload.values()):
        with pytest.raises(Gone):
            await site.credentials.reset(text, NEW)
        with pytest.raises(Gone):
            await site.credentials.confirm_email(text)


async def test_each_attempt_to_send_has_a_link_and_using_one_ends_all(site: Site) -> None:
    await site.person("ada")
    await site.credentials.request_reset("ada@example.org")
    [payload] = await jobs(site, "mail.reset")
    mail = OutgoingMail(site.db, now=site.now)
    first, second = await mail.link(payload), await mail.link(payload)
    assert first is not None
    assert second is not None
    await site.credentials.reset(first, NEW)
    with pytest.raises(Gone):
        await site.credentials.reset(second, PASSWORD)
    assert await mail.link(payload) is None


async def test_a_link_is_not_made_after_its_time(site: Site) -> None:
    await site.person("ada")
    await site.credentials.request_reset("ada@example.org")
    [payload] = await jobs(site, "mail.reset")
    site.now.advance(hours=1, seconds=1)
    assert await OutgoingMail(site.db, now=site.now).link(payload) is None


async def test_a_stranger_does_not_use_up_the_owners_share_of_resets(site: Site) -> None:
    await site.person("ada")
    for _ in range(RESETS + 2):
        await site.credentials.request_reset("ada@example.org", "203.0.113.9")
    assert len(await jobs(site, "mail.reset")) == RESETS
    await site.credentials.request_reset("ada@example.org", "198.51.100.1")
    assert len(await jobs(site, "mail.reset")) == RESETS + 1
    for number in range(3 * RESETS_IN_ALL):
        await site.credentials.request_reset("ada@example.org", f"192.0.2.{number}")
    assert len(await jobs(site, "mail.reset")) == RESETS_IN_ALL


async def test_sign_ups_with_an_address_bring_it_few_mails_and_keep_nobody_out(site: Site) -> None:
    for number in range(WELCOMES + 2):
        await site.sign_up.register(f"eve{number}", "ada@example.org", PASSWORD)
    assert len(await jobs(site, "mail.welcome")) == WELCOMES
    account = await site.sign_up.register("ada", "ADA@example.org", PASSWORD)
    await site.credentials.resend_confirmation(await site.viewer(account.id))
    await site.credentials.confirm_email(await site.secret_of("mail.confirm"))
    await site.credentials.request_reset("ada@example.org", "198.51.100.1")
    assert len(await jobs(site, "mail.reset")) == 1
