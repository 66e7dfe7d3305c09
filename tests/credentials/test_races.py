"""No credential outlives what it hangs on, at whatever moment of its creation that ends.

Each kind (`kinds.KINDS`) is made while each thing that it hangs on is ended: right before the creating transaction
begins, and in its middle, right before the row is written. Either the creation fails, or what it made opens nothing.
"""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from microblog import services
from microblog.domain.accounts import Role
from microblog.domain.errors import InvalidInput, MicroblogError
from microblog.store.engine.database import Database
from microblog.store.engine.transactions import Transaction
from tests.credentials.kinds import ENDS, FREE_STANDING, KINDS, NOTHING, ApiSite, Kind
from tests.services.people import PASSWORD
from tests.waiting import until

EVERY = [(name, end) for name, kind in KINDS.items() for end in kind.hangs_on]
AFTERWARDS = [(name, end) for name, kind in KINDS.items() for end in kind.afterwards]
AT_CREATION = [(name, end) for name, kind in KINDS.items() for end in kind.at_creation]


@pytest.fixture
def api_site(db: Database, reactor_: Any) -> Iterator[ApiSite]:
    made = ApiSite(db, reactor_)
    yield made
    made.passwords.stop()


async def prepared(api_site: ApiSite, kind: Kind) -> Any:
    await api_site.prepare()
    return None if kind.prepare is None else await kind.prepare(api_site)


async def opens_nothing(api_site: ApiSite, kind: Kind, made: Any, given: Any) -> bool:
    try:
        result = await made
    except MicroblogError:
        result = given
    return not await kind.alive(api_site, result)


def before_the_transaction(api_site: ApiSite, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """Have ``end`` committed right before the next transaction begins."""
    begin = api_site.db.transaction
    armed = [ENDS[end]]

    @asynccontextmanager
    async def transaction() -> AsyncIterator[Any]:
        if armed:
            await armed.pop()(api_site)
        async with begin() as tx:
            yield tx

    monkeypatch.setattr(api_site.db, "transaction", transaction)


def in_the_transaction(
    api_site: ApiSite, monkeypatch: pytest.MonkeyPatch, statement: str, end: str
) -> list[Deferred[None]]:
    """Begin ``end`` right before ``statement`` is next run, and go on when it is through or waits for a lock."""
    run = Transaction.run
    begun: list[Deferred[None]] = []

    async def waits_or_is_through() -> bool:
        if begun[0].called:
            return True
        cursor = await api_site.db.reads.run(
            "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
            "WHERE NOT l.granted AND a.datname = current_database()"
        )
        return bool(cursor.fetchall()[0][0])

    async def running(self: Transaction, operation: str, parameters: Any = None) -> Any:
        if operation.lstrip().startswith(statement) and not begun:
            begun.append(Deferred.fromCoroutine(ENDS[end](api_site)))
            await until(api_site.db.reactor, waits_or_is_through)
        return await run(self, operation, parameters)

    monkeypatch.setattr(Transaction, "run", running)
    return begun


@pytest.mark.parametrize("name", KINDS)
async def test_a_credential_opens_something_as_long_as_nothing_ends(api_site: ApiSite, name: str) -> None:
    kind = KINDS[name]
    given = await prepared(api_site, kind)
    assert await kind.alive(api_site, await kind.make(api_site, given))


@pytest.mark.parametrize(("name", "end"), [*EVERY, *AT_CREATION])
async def test_a_credential_is_not_made_after_the_end_of_what_it_hangs_on(
    api_site: ApiSite, monkeypatch: pytest.MonkeyPatch, name: str, end: str
) -> None:
    kind = KINDS[name]
    given = await prepared(api_site, kind)
    before_the_transaction(api_site, monkeypatch, end)
    assert await opens_nothing(api_site, kind, kind.make(api_site, given), NOTHING)


@pytest.mark.parametrize(("name", "end"), [*EVERY, *AFTERWARDS])
async def test_a_credential_ends_with_what_ends_while_it_is_made(
    api_site: ApiSite, monkeypatch: pytest.MonkeyPatch, name: str, end: str
) -> None:
    kind = KINDS[name]
    given = await prepared(api_site, kind)
    writing = "UPDATE users SET password_hash" if kind.table == "users" else f"INSERT INTO {kind.table}"
    begun = in_the_transaction(api_site, monkeypatch, writing, end)
    made: Deferred[Any] = Deferred.fromCoroutine(kind.make(api_site, given))
    made.addErrback(lambda failure: failure.trap(MicroblogError) and NOTHING)
    result = await made
    assert begun, f"{name}: nothing was written to {kind.table}"
    with suppress(MicroblogError):
        await begun[0]
    assert not await kind.alive(api_site, result)


async def test_a_log_in_goes_on_when_another_one_renews_the_hash(api_site: ApiSite) -> None:
    from argon2 import PasswordHasher

    await api_site.prepare()
    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    await api_site.sql("UPDATE users SET password_hash = %s", old)
    first, second = (Deferred.fromCoroutine(api_site.sessions.log_in("ann", PASSWORD)) for _ in range(2))
    assert (await first)[1].id == (await second)[1].id == api_site.ann.id


async def test_a_demoted_moderator_does_not_admit_people_without_approval(api_site: ApiSite) -> None:
    await api_site.prepare()
    deciding = api_site.over(registration="approval")
    await api_site.moderation.set_role("ann", Role.MODERATOR)
    moderator = await api_site.viewer(api_site.ann.id)
    code = (await deciding.invitations.create(moderator)).code
    await api_site.moderation.set_role("ann", Role.USER)
    with pytest.raises(InvalidInput) as refused:
        await deciding.sign_up.register("eve", "eve@example.org", PASSWORD, invitation=code)
    assert refused.value.field == "invitation"
    with pytest.raises(MicroblogError):
        await deciding.invitations.create(moderator)
    deciding.passwords.stop()


async def test_a_suspended_member_s_invitations_stay_void_after_the_suspension(api_site: ApiSite) -> None:
    await api_site.prepare()
    code = (await api_site.invitations.create(api_site.ann)).code
    await api_site.moderation.suspend("ann")
    await api_site.moderation.unsuspend("ann")
    inviting = api_site.over(registration="invitation")
    with pytest.raises(InvalidInput):
        await inviting.sign_up.register("eve", "eve@example.org", PASSWORD, invitation=code)
    inviting.passwords.stop()


@pytest.mark.parametrize("state", ["suspended", "pending"])
async def test_only_an_active_account_can_own_the_site(api_site: ApiSite, state: str) -> None:
    await api_site.prepare()
    await api_site.sql("UPDATE accounts SET state = %s WHERE name = 'ann'", state)
    with pytest.raises(InvalidInput):
        await api_site.moderation.set_role("ann", Role.OWNER)


# -- the list is complete -----------------------------------------------------------------------------------------

#: Columns by which a table shows that it holds secrets.
SECRET_COLUMNS = "('token_hash', 'code_hash', 'secret_hash', 'password_hash', 'code')"
#: Of these tables, those whose rows are no credential of a person's.
NO_CREDENTIALS = {
    "apps": "a program's own, which hangs on nothing",
    "refresh_tokens": "made with each access token",
    "authorization_codes": "made with each grant",
}
_ACCESSORS = {"sessions", "tokens", "oauth", "email_tokens", "invitations", "users"}
_WRITES = ("ask", "insert", "set_password", "renew")


async def test_every_table_of_secrets_is_classified(db: Database) -> None:
    cursor = await db.reads.run(
        "SELECT DISTINCT table_name FROM information_schema.columns "
        f"WHERE table_schema = 'public' AND column_name IN {SECRET_COLUMNS}"
    )
    tables = {name for (name,) in cursor.fetchall()}
    assert tables - set(NO_CREDENTIALS) <= {kind.table for kind in KINDS.values()} | {"grants"}


def _functions() -> Iterator[tuple[str, list[ast.Call]]]:
    """Yield each async method or function of the services (``Class.method``, ``function``) with its calls."""
    for path in Path(services.__file__).parent.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
            for function in node.body if isinstance(node, ast.ClassDef) else [node]:
                if isinstance(function, ast.AsyncFunctionDef):
                    yield (
                        f"{owner}{function.name}",
                        [each for each in ast.walk(function) if isinstance(each, ast.Call)],
                    )


def _writes_a_secret(call: ast.Call) -> bool:
    method = call.func
    return (
        isinstance(method, ast.Attribute)
        and method.attr.startswith(_WRITES)
        and isinstance(method.value, ast.Call)
        and isinstance(method.value.func, ast.Name)
        and method.value.func.id in _ACCESSORS
    )


def _calls(caller: str, call: ast.Call, helper: str) -> bool:
    """Return whether a call in ``caller`` calls a function, or a private method of the caller's own class."""
    owner, _, name = helper.rpartition(".")
    if not owner:
        return isinstance(call.func, ast.Name) and call.func.id == name
    return isinstance(call.func, ast.Attribute) and call.func.attr == name and caller.startswith(f"{owner}.")


def test_every_method_that_makes_a_credential_is_classified() -> None:
    functions = list(_functions())
    makes = {name for name, calls in functions if any(map(_writes_a_secret, calls))}
    while helpers := {each for each in makes if "." not in each or "._" in each}:
        makes -= helpers
        makes |= {
            name
            for name, calls in functions
            if any(_calls(name, call, helper) for call in calls for helper in helpers)
        }
    assert makes == {kind.creator for kind in KINDS.values()} | set(FREE_STANDING)


@pytest.mark.parametrize("end", ["a new password", "suspension", "deletion"])
async def test_using_a_session_while_it_ends_is_no_deadlock(
    api_site: ApiSite, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """Both write the user's row and the session's: in one order, or one of them fails."""
    await api_site.prepare()
    secret, _ = await api_site.sessions.log_in("ann", PASSWORD)
    await api_site.sql("UPDATE sessions SET seen_at = clock_timestamp() - interval '1 hour'")
    await api_site.sql("UPDATE users SET last_seen_at = NULL")
    begun = in_the_transaction(api_site, monkeypatch, "UPDATE sessions SET seen_at", end)
    assert await api_site.sessions.viewer(secret) is not None
    await begun[0]
    assert await api_site.sessions.viewer(secret) is None
