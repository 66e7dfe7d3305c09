"""Profiles and preferences."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from twisted.logger import Logger

from microblog.config.load import Config
from microblog.domain import render, text, validation
from microblog.domain.accounts import Account, User, Viewer
from microblog.domain.errors import InvalidInput, Unavailable
from microblog.domain.hosts import host
from microblog.domain.language import language_code
from microblog.domain.search import document
from microblog.domain.visibility import Visibility
from microblog.services.accounts import Accounts
from microblog.services.follows import ACCEPT, ACCEPT_DELAY, Follows
from microblog.store.accounts import Locked, accounts
from microblog.store.engine.database import Database
from microblog.store.jobs import jobs
from microblog.store.locks import retried
from microblog.store.users import users

MAX_ATTRIBUTION_DOMAINS: Final = 100
#: Seconds that the request which unlocks an account accepts waiting followers before it leaves the rest to the job.
AT_ONCE: Final = 1.0
log = Logger()

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


class Profiles:
    """Changes what an account shows and prefers."""

    def __init__(self, *, config: Config, db: Database, accounts: Accounts, follows: Follows) -> None:
        self.config = config
        self.db = db
        self._accounts = accounts
        self._follows = follows

    @retried
    async def update(
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
        """Change the viewer's public profile; None leaves one of the last three choices as it is.

        An account that stops being locked accepts everyone who asked to follow it.

        Raises InvalidInput, with ``field``.
        """
        display_name = validation.display_name(display_name)
        bio = validation.bio(bio)
        pairs = validation.profile_fields(list(fields))
        parsed_bio = text.parse(bio)
        parsed_values = [text.parse(value) for _, value in pairs]
        targets = await self._mention_targets([parsed_bio, *parsed_values])
        content = [
            {"name": name, "value": value, "html": render.field(parsed, targets)}
            for (name, value), parsed in zip(pairs, parsed_values, strict=True)
        ]
        async with self.db.transaction() as tx:
            before: list[Locked] = await accounts(tx).lock([viewer.id])
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
            unlocked = bool(before) and before[0].locked and not locked
            if unlocked:
                payload = json.dumps({"account": viewer.id})
                await jobs(tx).put(ACCEPT, payload, f"{ACCEPT}:{viewer.id}", ACCEPT_DELAY)
        if unlocked:
            try:
                await self._follows.accept_waiting(viewer.id, AT_ONCE)
            except Unavailable as error:
                log.info(
                    "the job accepts who asked to follow {account}: {reason}",
                    account=viewer.id,
                    reason=error.text,
                )
            else:
                account = await self._accounts.by_id(viewer.id)
        return account

    @retried
    async def update_preferences(self, viewer: Viewer, **changes: Any) -> User:
        """Change preferences by name: ``language``, ``default_visibility``, ``attribution_domains`` and the switches
        (``default_sensitive``, ``shortcuts``, ``mail_…`` of a User).

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
            user = dataclasses.replace(await users(tx).lock(viewer.id), **checked)
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

    async def _mention_targets(self, parsed: Sequence[text.Parsed]) -> dict[str, render.MentionTarget]:
        """Return the accounts of this site that the texts mention, by name and by address. One query."""
        names = {
            mention.name
            for each in parsed
            for mention in each.mentions
            if mention.domain in (None, self.config.host)
        }
        if not names:
            return {}
        targets: dict[str, render.MentionTarget] = {}
        for account in await accounts(self.db.reads).by_names(sorted(names)):
            target = render.MentionTarget(account.name, account.path)
            targets[account.name] = targets[f"{account.name}@{self.config.host}"] = target
        return targets


def _attribution_domains(values: Iterable[str]) -> tuple[str, ...]:
    """Return the host of each value in its canonical form, without duplicates. A value may be a web address.

    Raises InvalidInput.
    """
    hosts = dict.fromkeys(_host_of(each) for each in values if each.strip())
    if len(hosts) > MAX_ATTRIBUTION_DOMAINS:
        raise InvalidInput(
            f"You can name at most {MAX_ATTRIBUTION_DOMAINS} websites.", "attribution_domains", "too_many"
        )
    return tuple(hosts)


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
