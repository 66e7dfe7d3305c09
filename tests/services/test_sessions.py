"""Logging in and out; tokens; and what ends them."""

from __future__ import annotations

import pytest

from microblog.domain.errors import Conflict, Forbidden, Gone, InvalidInput, NotFound
from tests.services.people import PASSWORD, Site

NEW = "another good phrase"


async def test_one_logs_in_with_the_name_or_the_address_in_any_case(site: Site) -> None:
    ada = await site.person("ada")
    for login in ("ada", "@Ada", " ADA ", "ada@example.org", "ADA@Example.org"):
        token, viewer = await site.sessions.log_in(login, PASSWORD)
        assert viewer.id == ada.id
        found = await site.sessions.viewer(token)
        assert found is not None
        assert (found.id, found.session_id) == (ada.id, viewer.session_id)


async def test_a_mail_address_logs_in_in_any_spelling_of_its_host(site: Site) -> None:
    await site.sign_up.register("bea", "me@bücher.example", PASSWORD)
    for login in (
        "me@bücher.example",
        "ME@BÜCHER.Example",
        "me@bu\u0308cher.example",
        "me@xn--bcher-kva.example",
        " me@bücher.example ",
    ):
        _, viewer = await site.sessions.log_in(login, PASSWORD)
        assert viewer.account.name == "bea"


async def test_a_wrong_password_and_an_unknown_name_are_told_the_same(site: Site) -> None:
    await site.person("ada")
    texts = set()
    for login, password in (
        ("ada", "wrong"),
        ("nobody_here", PASSWORD),
        ("no one", PASSWORD),
        ("x@example.org", PASSWORD),
        ("ada", PASSWORD + "\x00"),
        ("ada\x00@example.org", PASSWORD),
        ("ada", "p" * 5000),
        ("", ""),
    ):
        with pytest.raises(InvalidInput) as error:
            await site.sessions.log_in(login, password)
        texts.add((error.value.text, error.value.field, error.value.reason))
    assert len(texts) == 1


async def test_a_password_fits_however_its_letters_are_composed(site: Site) -> None:
    await site.person("ada", "caf\u00e9 au lait bitte")
    await site.sessions.log_in("ada", "cafe\u0301 au lait bitte")


async def test_a_hash_of_other_costs_is_renewed_at_log_in(site: Site) -> None:
    from argon2 import PasswordHasher

    ada = await site.person("ada")
    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    await site.sql("UPDATE users SET password_hash = %s", old)
    await site.sessions.log_in("ada", PASSWORD)
    renewed = (await site.accounts.user(ada)).password_hash
    assert "m=8,t=1" in renewed
    await site.sessions.log_in("ada", PASSWORD)
    assert (await site.accounts.user(ada)).password_hash == renewed


async def test_a_session_ends_when_logged_out(site: Site) -> None:
    await site.person("ada")
    token, viewer = await site.sessions.log_in("ada", PASSWORD)
    await site.sessions.log_out(token)
    await site.sessions.log_out(token)
    assert await site.sessions.viewer(token) is None
    assert ("revoked", viewer.id, None, {"session": viewer.session_id}) in await site.events()


async def test_a_session_ends_after_90_idle_days_and_use_keeps_it(site: Site) -> None:
    await site.person("ada")
    token, _ = await site.sessions.log_in("ada", PASSWORD)
    site.now.advance(days=89)
    assert await site.sessions.viewer(token) is not None
    site.now.advance(days=89)
    assert await site.sessions.viewer(token) is not None
    site.now.advance(days=91)
    assert await site.sessions.viewer(token) is None


async def test_its_use_is_written_at_most_every_five_minutes(site: Site) -> None:
    ada = await site.person("ada")
    token, _ = await site.sessions.log_in("ada", PASSWORD)
    [begun] = await site.sessions.all(ada)
    site.now.advance(minutes=4)
    await site.sessions.viewer(token)
    assert (await site.sessions.all(ada))[0].seen_at == begun.seen_at
    site.now.advance(minutes=2)
    await site.sessions.viewer(token)
    assert (await site.sessions.all(ada))[0].seen_at > begun.seen_at


async def test_a_viewer_costs_one_query(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.person("ada")
    token, _ = await site.sessions.log_in("ada", PASSWORD)
    asked: list[str] = []
    run = type(site.db.reads).run

    async def counting(self: object, operation: str, parameters: object = None) -> object:
        asked.append(operation)
        return await run(self, operation, parameters)

    monkeypatch.setattr(type(site.db.reads), "run", counting)
    await site.sessions.viewer(token)
    assert len(asked) == 1


async def test_someone_elses_session_is_not_there(site: Site) -> None:
    await site.people("ada", "bob")
    _, ada = await site.sessions.log_in("ada", PASSWORD, address="192.0.2.1", user_agent="Browser")
    _, bob = await site.sessions.log_in("bob", PASSWORD)
    assert ada.session_id is not None
    with pytest.raises(NotFound):
        await site.sessions.end(bob, ada.session_id)
    [session] = await site.sessions.all(ada)
    assert (session.id, session.address, session.user_agent) == (ada.session_id, "192.0.2.1", "Browser")


class TestTokens:
    async def test_a_token_stands_for_its_owner_within_its_scopes(self, site: Site) -> None:
        ada = await site.person("ada")
        token = await site.tokens.create(ada, ["write:statuses", "read"], "my script")
        viewer = await site.tokens.viewer(token)
        assert viewer is not None
        assert viewer.id == ada.id
        assert viewer.can("read:accounts")
        assert viewer.can("write:statuses")
        assert not viewer.can("write")
        [listed] = await site.tokens.all(ada)
        assert (listed.id, listed.name, listed.scopes) == (
            viewer.token_id,
            "my script",
            ("read", "write:statuses"),
        )

    async def test_scopes_must_exist(self, site: Site) -> None:
        ada = await site.person("ada")
        for scopes in ([], ["everything"], ["read", "admin:write"], ["read:"]):
            with pytest.raises(InvalidInput) as error:
                await site.tokens.create(ada, scopes)
            assert error.value.field == "scopes"

    async def test_revoked_it_is_void_at_once_and_readers_are_told(self, site: Site) -> None:
        ada, bob = await site.people("ada", "bob")
        token = await site.tokens.create(ada, ["read"])
        [listed] = await site.tokens.all(ada)
        with pytest.raises(NotFound):
            await site.tokens.revoke(bob, listed.id)
        pokes = site.pokes
        await site.tokens.revoke(ada, listed.id)
        assert await site.tokens.viewer(token) is None
        assert ("revoked", ada.id, None, {"token": listed.id}) in await site.events()
        assert site.pokes > pokes

    async def test_nonsense_is_nobody(self, site: Site) -> None:
        for nonsense in ("", "x", "\x00", "\ud800", "é" * 9999):
            assert await site.tokens.viewer(nonsense) is None
            assert await site.sessions.viewer(nonsense) is None


class TestChangingThePassword:
    async def test_every_other_session_and_all_tokens_end(self, site: Site) -> None:
        await site.person("ada")
        here, ada = await site.sessions.log_in("ada", PASSWORD)
        there, elsewhere = await site.sessions.log_in("ada", PASSWORD)
        token = await site.tokens.create(ada, ["read"])
        await site.credentials.change_password(ada, PASSWORD, NEW)
        assert await site.sessions.viewer(here) is not None
        assert await site.sessions.viewer(there) is None
        assert await site.tokens.viewer(token) is None
        details = [detail for kind, _, _, detail in await site.events() if kind == "revoked"]
        assert {"session": elsewhere.session_id} in details
        assert len(details) == 2
        await site.sessions.log_in("ada", NEW)
        with pytest.raises(InvalidInput):
            await site.sessions.log_in("ada", PASSWORD)

    async def test_it_asks_for_the_old_one_and_a_good_new_one(self, site: Site) -> None:
        ada = await site.person("ada")
        for old, new, field in (
            (NEW, NEW, "old"),
            (PASSWORD, "short", "password"),
            (PASSWORD, "ada", "password"),
        ):
            with pytest.raises(InvalidInput) as error:
                await site.credentials.change_password(ada, old, new)
            assert error.value.field == field

    async def test_of_two_changes_at_once_one_wins(self, site: Site) -> None:
        from twisted.internet.defer import DeferredList, ensureDeferred

        ada = await site.person("ada")
        changes = [
            ensureDeferred(site.credentials.change_password(ada, PASSWORD, new)) for new in (NEW, NEW + "!")
        ]
        results = await DeferredList(changes, consumeErrors=True)
        failures = [result for success, result in results if not success]
        assert len(failures) == 1
        assert failures[0].check(Conflict, InvalidInput)


class TestForgettingThePassword:
    async def test_the_mailed_link_sets_a_new_one_once_and_ends_everything(self, site: Site) -> None:
        await site.person("ada")
        session, ada = await site.sessions.log_in("ada", PASSWORD)
        token = await site.tokens.create(ada, ["read"])
        await site.credentials.request_reset("ADA@example.org")
        secret = await site.secret_of("mail.reset")
        await site.credentials.reset(secret, NEW)
        assert await site.sessions.viewer(session) is None
        assert await site.tokens.viewer(token) is None
        await site.sessions.log_in("ada", NEW)
        with pytest.raises(Gone):
            await site.credentials.reset(secret, PASSWORD)

    async def test_a_bad_password_does_not_use_the_link_up(self, site: Site) -> None:
        await site.person("ada")
        await site.credentials.request_reset("ada@example.org")
        secret = await site.secret_of("mail.reset")
        with pytest.raises(InvalidInput):
            await site.credentials.reset(secret, "short")
        await site.credentials.reset(secret, NEW)

    async def test_it_lasts_an_hour(self, site: Site) -> None:
        await site.person("ada")
        await site.credentials.request_reset("ada@example.org")
        site.now.advance(minutes=61)
        with pytest.raises(Gone):
            await site.credentials.reset(await site.secret_of("mail.reset"), NEW)

    async def test_three_mails_an_hour_and_none_to_strangers(self, site: Site) -> None:
        await site.person("ada")
        for _ in range(5):
            await site.credentials.request_reset("ada@example.org")
            await site.credentials.request_reset("stranger@example.org")
        count = "SELECT count(*) FROM jobs WHERE kind = 'mail.reset'"
        assert await site.sql(count) == [(3,)]
        site.now.advance(minutes=61)
        await site.credentials.request_reset("ada@example.org")
        assert await site.sql(count) == [(4,)]

    async def test_a_link_to_confirm_is_no_link_to_reset(self, site: Site) -> None:
        await site.person("ada")
        with pytest.raises(Gone):
            await site.credentials.reset(await site.secret_of("mail.welcome"), NEW)


class TestSuspension:
    async def test_everything_ends_and_nobody_logs_in(self, site: Site) -> None:
        _, bob = await site.people("ada", "bob")
        session, _ = await site.sessions.log_in("bob", PASSWORD)
        token = await site.tokens.create(bob, ["read"])
        await site.moderation.suspend("@Bob")
        assert await site.sessions.viewer(session) is None
        assert await site.tokens.viewer(token) is None
        assert ("revoked", bob.id, None, {"account": bob.id}) in await site.events()
        with pytest.raises(Forbidden, match="suspended"):
            await site.sessions.log_in("bob", PASSWORD)
        with pytest.raises(InvalidInput):
            await site.sessions.log_in("bob", "wrong password")
        with pytest.raises(NotFound):
            await site.accounts.by_name("bob")
        await site.moderation.unsuspend("bob")
        await site.sessions.log_in("bob", PASSWORD)

    async def test_nobody_judges_those_above_or_beside_them(self, site: Site) -> None:
        await site.people("ada", "bob", "eve")
        await site.sign_up.create("mod", "mod@example.org")
        from microblog.domain.accounts import Role

        await site.moderation.set_role("mod", Role.MODERATOR)
        await site.moderation.set_role("eve", Role.MODERATOR)
        mod = await site.viewer((await site.accounts.by_name("mod")).id)
        bob = await site.viewer((await site.accounts.by_name("bob")).id)
        for name, by in (("ada", mod), ("eve", mod), ("eve", bob), ("ada", None)):
            with pytest.raises(Forbidden):
                await site.moderation.suspend(name, by=by)
        await site.moderation.suspend("bob", by=mod)
        with pytest.raises(NotFound):
            await site.moderation.suspend("nobody_here", by=mod)


async def test_a_new_owner_makes_the_old_one_an_administrator(site: Site) -> None:
    from microblog.domain.accounts import Role

    ada, bob = await site.people("ada", "bob")
    with pytest.raises(InvalidInput):
        await site.moderation.set_role("ada", Role.USER)
    await site.moderation.set_role("bob", Role.OWNER)
    assert (await site.viewer(ada.id)).role is Role.ADMIN
    assert (await site.viewer(bob.id)).role is Role.OWNER
