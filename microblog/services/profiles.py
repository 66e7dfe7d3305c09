"""Profiles and preferences."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from twisted.logger import Logger

from microblog.domain import render, text, validation
from microblog.domain.accounts import Account, State, User, Viewer
from microblog.domain.errors import InvalidInput, NotFound, Unavailable
from microblog.domain.hosts import host
from microblog.domain.language import language_code
from microblog.domain.search import document
from microblog.domain.visibility import Visibility
from microblog.services.people import People
from microblog.store.accounts import Locked, accounts
from microblog.store.follows import follows
from microblog.store.jobs import jobs
from microblog.store.locks import retried
from microblog.store.users import users

MAX_ATTRIBUTION_DOMAINS: Final = 100
log = Logger()

#: The kind of the job that accepts those who asked to follow, after their account was unlocked.
ACCEPT: Final = "follows.accept"
#: Seconds until the job begins: by then the request that unlocked the account has mostly accepted all.
ACCEPT_DELAY: Final = 3.0
AT_ONCE: Final = 1.0  #: seconds that this request works at it
ACCEPTED_AT_ONCE: Final = 200  #: requests of one transaction

_SWITCHES: Final = frozenset(
    {
        "default_sensitive",
        "mail_mentions",
        "mail_replies",
        "mail_follows",
        "mail_boosts",
        "mail_favourites",
        "shortcuts",
    }
)


class Profiles(People):
    """Part of :class:`microblog.services.accounts.Accounts`."""

    async def by_name(self, name: str) -> Account:
        """An active account of this site; ``@`` and capitals don't matter. Raises NotFound."""
        known = validation.known_name(name)
        return _shown(None if known is None else await accounts(self.db.reads).by_name(known))

    async def by_id(self, account_id: int) -> Account:
        """An active account. Raises NotFound."""
        return _shown(await accounts(self.db.reads).by_id(account_id))

    async def by_ids(self, ids: Sequence[int]) -> list[Account]:
        """Active accounts, in the order asked for; others are left out."""
        if not ids:
            return []
        found: dict[int, Account] = {
            each.id: each for each in await accounts(self.db.reads).by_ids(list(ids))
        }
        return [found[each] for each in ids if each in found and found[each].state is State.ACTIVE]

    async def user(self, viewer: Viewer) -> User:
        """What only they know of themselves."""
        found: User = await users(self.db.reads).by_id(viewer.id)
        return found

    @retried
    async def update_profile(
        self,
        viewer: Viewer,
        *,
        display_name: str,
        bio: str,
        fields: Sequence[tuple[str, str]],
        locked: bool,
        discoverable: bool,
        bot: bool,
        indexable: bool | None = None,
        noindex: bool | None = None,
        hide_collections: bool | None = None,
    ) -> Account:
        """Change what everyone sees; of the last three, None leaves the choice as it is.

        Who was locked and no longer is accepts all who asked to follow.

        Raises InvalidInput, with ``field``.
        """
        display_name = validation.display_name(display_name)
        bio = validation.bio(bio)
        pairs = validation.profile_fields(list(fields))
        parsed_bio = text.parse(bio)
        parsed_values = [text.parse(value) for _, value in pairs]
        targets = await self._targets([parsed_bio, *parsed_values])
        content = [
            {"name": name, "value": value, "html": render.field(parsed, targets)}
            for (name, value), parsed in zip(pairs, parsed_values, strict=True)
        ]
        async with self.db.transaction() as tx:
            held: list[Locked] = await accounts(tx).lock([viewer.id])
            account: Account = await accounts(tx).update_profile(
                viewer.id,
                display_name,
                bio,
                render.html(parsed_bio, targets),
                json.dumps(content, ensure_ascii=False),
                locked,
                discoverable,
                bot,
                indexable,
                noindex,
                hide_collections,
                document(f"{viewer.account.name} {display_name}"),
            )
            unlocked = bool(held) and held[0].locked and not locked
            if unlocked:
                payload = json.dumps({"account": viewer.id})
                await jobs(tx).put(ACCEPT, payload, f"{ACCEPT}:{viewer.id}", ACCEPT_DELAY)
        if unlocked:
            try:
                await self.accept_waiting(viewer.id, AT_ONCE)
            except Unavailable as error:
                log.info(
                    "the job accepts who asked to follow {account}: {reason}",
                    account=viewer.id,
                    reason=error.text,
                )
            else:
                account = _shown(await accounts(self.db.reads).by_id(viewer.id))
        return account

    async def accept_waiting(self, account_id: int, patience: float) -> bool:
        """Accept those who asked to follow an account before it was unlocked, for about ``patience`` seconds.

        Returns whether all are accepted, or the account is locked again. Raises Unavailable.
        """
        until = self.db.reactor.seconds() + patience
        while await self._accept_some(account_id):
            self._poke()
            if self.db.reactor.seconds() >= until:
                return False
        return True

    @retried
    async def _accept_some(self, account_id: int) -> bool:
        """One batch; whether there may be more."""
        async with self.db.transaction() as tx:
            waiting: list[int] = await follows(tx).waiting(account_id, ACCEPTED_AT_ONCE)
            if not waiting:
                return False
            held: list[Locked] = await accounts(tx).lock([account_id, *waiting])
            if any(each.id == account_id and each.locked for each in held):
                return False
            await follows(tx).accept_all(account_id, waiting)
        return True

    @retried
    async def update_preferences(self, viewer: Viewer, **changes: Any) -> User:
        """Change some of: ``language``, ``default_visibility``, ``default_sensitive``, ``mail_…`` of a User,
        ``attribution_domains``.

        Raises InvalidInput, with ``field``.
        """
        checked: dict[str, Any] = {}
        for name, value in changes.items():
            if name == "language":
                checked[name] = language_code(value) if value else None
            elif name == "default_visibility":
                checked[name] = _visibility(value)
            elif name == "attribution_domains":
                checked[name] = _attribution_domains(value)
            elif name in _SWITCHES:
                checked[name] = bool(value)
            else:
                raise TypeError(f"there is no preference {name}")
        async with self.db.transaction() as tx:
            user = dataclasses.replace(await users(tx).hold(viewer.id), **checked)
            changed: User = await users(tx).update_preferences(
                viewer.id,
                user.language,
                user.default_visibility.value,
                user.default_sensitive,
                user.mail_mentions,
                user.mail_replies,
                user.mail_follows,
                user.mail_boosts,
                user.mail_favourites,
                list(user.attribution_domains),
                user.shortcuts,
            )
        return changed

    async def _targets(self, parsed: Sequence[text.Parsed]) -> dict[str, render.MentionTarget]:
        """Whom the texts name, in one query: people of this site."""
        wanted = {
            each.name for one in parsed for each in one.mentions if each.domain in (None, self.config.host)
        }
        if not wanted:
            return {}
        targets: dict[str, render.MentionTarget] = {}
        for account in await accounts(self.db.reads).by_names(sorted(wanted)):
            target = render.MentionTarget(account.name, account.path)
            targets[account.name] = targets[f"{account.name}@{self.config.host}"] = target
        return targets


def _shown(account: Account | None) -> Account:
    if account is None or account.state is not State.ACTIVE:
        raise NotFound()
    return account


def _attribution_domains(values: Iterable[str]) -> tuple[str, ...]:
    """Return hosts in their canonical form, each once.  An address counts as its host.

    Raises InvalidInput.
    """
    found = dict.fromkeys(_host_of(each) for each in values if each.strip())
    if len(found) > MAX_ATTRIBUTION_DOMAINS:
        raise InvalidInput(
            f"You can name at most {MAX_ATTRIBUTION_DOMAINS} websites.", "attribution_domains", "too_many"
        )
    return tuple(found)


def _host_of(written: str) -> str:
    written = written[:1000].strip().removeprefix("https://").removeprefix("http://").rstrip("/")
    try:
        return host(written)
    except InvalidInput:
        raise InvalidInput(
            f"{text.one_line(written, 60)} is not the name of a website, such as example.org.",
            "attribution_domains",
        ) from None


def _visibility(value: object) -> Visibility:
    try:
        return Visibility(str(value))
    except ValueError:
        raise InvalidInput("Choose who may see your posts.", field="default_visibility") from None
