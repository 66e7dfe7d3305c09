"""Who becomes a member, and how."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from twisted.internet.defer import DeferredList, ensureDeferred

from microblog.domain.accounts import Role, State
from microblog.domain.errors import Forbidden, Gone, InvalidInput, NotFound
from microblog.store.engine.database import Database
from microblog.store.engine.transactions import Transaction
from tests.services.people import PASSWORD, Site


async def test_the_first_account_owns_the_site_and_the_second_does_not(site: Site) -> None:
    ada = await site.person("ada")
    bob = await site.person("bob")
    assert ada.role is Role.OWNER
    assert bob.role is Role.USER


async def test_of_many_first_sign_ups_at_once_exactly_one_owns_the_site(site: Site) -> None:
    names = [f"person{number}" for number in range(6)]
    results = await DeferredList([ensureDeferred(site.person(name)) for name in names])
    viewers = [viewer for success, viewer in results if success]
    assert len(viewers) == len(names)
    assert [viewer.role for viewer in viewers].count(Role.OWNER) == 1


async def test_names_are_taken_whatever_their_capitals(site: Site) -> None:
    await site.sign_up.register("Ada", "ada@example.org", PASSWORD)
    with pytest.raises(InvalidInput) as name:
        await site.sign_up.register("ADA", "other@example.org", PASSWORD)
    assert (name.value.field, name.value.reason) == ("name", "taken")


async def test_the_console_does_not_make_two_accounts_of_one_confirmed_address(site: Site) -> None:
    await site.sign_up.create("ada", "ada@example.org")
    with pytest.raises(InvalidInput) as email:
        await site.sign_up.create("eve", "ADA@EXAMPLE.ORG")
    assert (email.value.field, email.value.reason) == ("email", "taken")


class TestAnAddressThatIsSomebodys:
    @pytest.mark.parametrize("registration", ["open", "approval", "invitation"])
    async def test_signing_up_with_it_does_the_same_as_with_any(self, site: Site, registration: str) -> None:
        owner, _ = await site.sign_up.create("ada", "ada@example.org")
        site = site.over(registration=registration)
        invitation = None
        if registration == "invitation":
            invitation = (await site.invitations.create(await site.viewer(owner.id), uses=2)).code
        statements: list[list[str]] = []
        for name, email in (("eve", "ADA@Example.org"), ("bob", "bob@example.org")):
            with told(site.db) as said:
                await site.sign_up.register(name, email, PASSWORD, invitation=invitation)
            statements.append(said)
        assert statements[0] == statements[1]  # so not even the time tells
        found = await site.sql(
            "SELECT a.state, u.email_confirmed_at FROM accounts a JOIN users u ON u.account_id = a.id WHERE a.id <> %s",
            owner.id,
        )
        assert len(found) == 2
        assert len(set(found)) == 1
        assert (
            await site.sql("SELECT kind FROM jobs WHERE kind LIKE 'mail.%%' AND payload ? 'request'")
            == [("mail.welcome",)] * 2
        )

    async def test_who_merely_typed_it_logs_in_by_it_as_if_it_were_nobodys(self, site: Site) -> None:
        await site.sign_up.create("ada", "ada@example.org", password=PASSWORD)
        await site.sign_up.register("eve", "ada@example.org", "the password of eve")
        await site.sign_up.register("bob", "bob@example.org", "the password of bob")
        for email, password, name in (
            ("ada@example.org", "the password of eve", "eve"),
            ("bob@example.org", "the password of bob", "bob"),
            ("ada@example.org", PASSWORD, "ada"),
        ):
            _, viewer = await site.sessions.log_in(email, password)
            assert viewer.account.name == name

    async def test_it_cannot_be_confirmed_for_them(self, site: Site) -> None:
        await site.sign_up.create("ada", "ada@example.org")
        eve = await site.sign_up.register("eve", "ada@example.org", PASSWORD)
        with pytest.raises(Gone):
            await site.credentials.confirm_email(await site.secret_of("mail.welcome"))
        assert (await site.accounts.user(await site.viewer(eve.id))).email_confirmed_at is None

    async def test_it_is_theirs_who_confirms_it_first(self, site: Site) -> None:
        await site.sign_up.register("squatter", "ada@example.org", PASSWORD)
        early = await site.secret_of("mail.welcome")
        ada = await site.sign_up.register("ada", "ada@example.org", PASSWORD)
        await site.credentials.confirm_email(await site.secret_of("mail.welcome"))
        assert (await site.accounts.user(await site.viewer(ada.id))).email_confirmed_at is not None
        with pytest.raises(Gone):
            await site.credentials.confirm_email(early)

    async def test_a_new_password_is_mailed_to_its_owner_alone(self, site: Site) -> None:
        owner, _ = await site.sign_up.create("ada", "ada@example.org")
        await site.sign_up.register("eve", "ada@example.org", PASSWORD)
        await site.credentials.request_reset("ada@example.org")
        found = await site.sql("SELECT payload->'account' FROM jobs WHERE kind = 'mail.reset'")
        assert found == [(owner.id,)]

    async def test_asking_for_a_new_password_is_the_same_work_for_everybody(self, site: Site) -> None:
        await site.sign_up.create("ada", "ada@example.org")
        statements = []
        for email in ("ada@example.org", "nobody@example.org"):
            with told(site.db) as said:
                await site.credentials.ask_for_reset(email)
            statements.append(said)
        assert statements[0] == statements[1]
        assert len(statements[0]) > 0


@contextmanager
def told(db: Database) -> Iterator[list[str]]:
    """The statements that are sent to the database meanwhile, without their values."""
    said: list[str] = []
    run, read = Transaction.run, type(db.reads).run

    async def noted(self: Any, operation: str, parameters: Any = None) -> Any:
        said.append(operation)
        return await (run if isinstance(self, Transaction) else read)(self, operation, parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transaction, "run", noted)
        patch.setattr(type(db.reads), "run", noted)
        yield said


async def test_of_two_who_want_one_name_at_once_one_gets_it(site: Site) -> None:
    await site.person("olga")
    wishes = [
        ensureDeferred(site.sign_up.register("ada", f"{number}@example.org", PASSWORD)) for number in (1, 2)
    ]
    results = await DeferredList(wishes, consumeErrors=True)
    assert sorted(success for success, _ in results) == [False, True]
    [failure] = [result for success, result in results if not success]
    assert failure.value.field == "name"


async def test_a_welcome_is_mailed_whose_link_confirms_the_address(site: Site) -> None:
    ada = await site.person("ada")
    assert (await site.accounts.user(ada)).email_confirmed_at is None
    await site.credentials.confirm_email(await site.secret_of("mail.welcome"))
    assert (await site.accounts.user(ada)).email_confirmed_at is not None


async def test_secrets_are_kept_as_hashes_only(site: Site) -> None:
    ada = await site.person("ada")
    secret = await site.tokens.create(ada, ["read"])
    session, _ = await site.sessions.log_in("ada", PASSWORD)
    for table in ("users", "sessions", "tokens", "email_tokens", "outbox", "accounts"):
        found = await site.sql(f"SELECT t::text FROM {table} t")
        assert not [row for row in found for canary in (PASSWORD, secret, session) if canary in row[0]]


class TestApproval:
    async def test_people_wait_and_moderators_are_told(self, site: Site) -> None:
        site = site.over(registration="approval")
        owner = await site.person("olga")
        account = await site.sign_up.register("bob", "bob@example.org", PASSWORD, reason="I like it here.")
        assert account.state is State.PENDING
        assert [(each.name, reason) for each, reason in await site.moderation.pending(owner)] == [
            ("bob", "I like it here.")
        ]
        assert await site.sql("SELECT kind, account_id FROM notifications") == [("sign_up", owner.id)]
        with pytest.raises(Forbidden, match="approval"):
            await site.sessions.log_in("bob", PASSWORD)
        with pytest.raises(NotFound):
            await site.accounts.by_name("bob")

    async def test_once_approved_they_log_in_and_get_a_mail(self, site: Site) -> None:
        site = site.over(registration="approval")
        owner = await site.person("olga")
        account = await site.sign_up.register("bob", "bob@example.org", PASSWORD)
        await site.moderation.approve(owner, account.id)
        assert await site.sql("SELECT payload FROM jobs WHERE kind = 'mail.approved'") == [
            ({"account": account.id},)
        ]
        await site.sessions.log_in("bob", PASSWORD)
        with pytest.raises(NotFound):
            await site.moderation.approve(owner, account.id)

    async def test_turned_down_they_are_gone_and_the_name_is_free(self, site: Site) -> None:
        site = site.over(registration="approval")
        owner = await site.person("olga")
        account = await site.sign_up.register("bob", "bob@example.org", PASSWORD)
        await site.moderation.turn_down(owner, account.id)
        assert (await site.sign_up.register("bob", "bob@example.org", PASSWORD)).state is State.PENDING

    async def test_members_neither_see_nor_decide(self, site: Site) -> None:
        await site.people("olga", "bob")
        bob = await site.viewer((await site.accounts.by_name("bob")).id)
        site = site.over(registration="approval")
        account = await site.sign_up.register("eve", "eve@example.org", PASSWORD)
        for asked in (
            site.moderation.pending(bob),
            site.moderation.approve(bob, account.id),
            site.moderation.turn_down(bob, account.id),
            site.invitations.create(bob),
        ):
            with pytest.raises(Forbidden):
                await asked


class TestInvitation:
    async def test_only_those_with_a_valid_one_get_in_and_it_is_used_up(self, site: Site) -> None:
        site = site.over(registration="invitation")
        owner = await site.person("olga")
        with pytest.raises(InvalidInput) as none:
            await site.sign_up.register("bob", "bob@example.org", PASSWORD)
        assert none.value.field == "invitation"
        invitation = await site.invitations.create(owner, uses=1)
        await site.sign_up.register("bob", "bob@example.org", PASSWORD, invitation=invitation.code)
        with pytest.raises(InvalidInput) as used:
            await site.sign_up.register("eve", "eve@example.org", PASSWORD, invitation=invitation.code)
        assert used.value.field == "invitation"
        assert await site.invitations.of(owner) == []

    async def test_a_failed_sign_up_uses_nothing_up(self, site: Site) -> None:
        site = site.over(registration="invitation")
        owner = await site.person("olga")
        invitation = await site.invitations.create(owner)
        with pytest.raises(InvalidInput):
            await site.sign_up.register("olga", "bob@example.org", PASSWORD, invitation=invitation.code)
        assert [each.uses_left for each in await site.invitations.of(owner)] == [1]

    async def test_it_ends_with_its_time_and_when_withdrawn(self, site: Site) -> None:
        site = site.over(registration="invitation")
        owner = await site.person("olga")
        old, withdrawn = (
            await site.invitations.create(owner, days=1),
            await site.invitations.create(owner, days=30),
        )
        await site.invitations.withdraw(owner, withdrawn.id)
        site.now.advance(days=2)
        for code in (old.code, withdrawn.code):
            with pytest.raises(InvalidInput):
                await site.sign_up.register("bob", "bob@example.org", PASSWORD, invitation=code)

    async def test_someone_elses_is_not_there(self, site: Site) -> None:
        ada, bob = await site.people("ada", "bob")
        invitation = await site.invitations.create(ada)
        with pytest.raises(NotFound):
            await site.invitations.withdraw(bob, invitation.id)
        assert await site.invitations.of(bob) == []

    async def test_under_approval_it_spares_the_wait(self, site: Site) -> None:
        site = site.over(registration="approval")
        owner = await site.person("olga")
        code = (await site.invitations.create(owner)).code
        account = await site.sign_up.register("bob", "bob@example.org", PASSWORD, invitation=code)
        assert account.state is State.ACTIVE


async def test_closed_is_closed(site: Site) -> None:
    with pytest.raises(Forbidden):
        await site.over(registration="closed").sign_up.register("ada", "ada@example.org", PASSWORD)


async def test_the_console_makes_accounts_whatever_the_registration(site: Site) -> None:
    site = site.over(registration="closed")
    owner, _ = await site.sign_up.create("admin", "admin@example.org")
    bob, password = await site.sign_up.create("bob", "bob@example.org", Role.MODERATOR)
    assert (await site.viewer(owner.id)).role is Role.OWNER
    assert (await site.viewer(bob.id)).role is Role.MODERATOR
    await site.sessions.log_in("bob", password)
    assert await site.sql("SELECT * FROM jobs") == []
