"""Endpoints of accounts: profiles, posts, follows, and the viewer's own account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from microblog.domain.accounts import Account, Role, User
from microblog.domain.errors import InvalidInput, NotFound
from microblog.domain.filters import Context
from microblog.domain.text import hashtag_key
from microblog.http.forms import Upload
from microblog.mastodon import entities
from microblog.mastodon.entities import VISIBILITIES, AccountEntity, StatusEntity
from microblog.web.api.endpoint import AccountPaging, Api, Call, Id, Nothing, Paged, Paging, clamped

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.accounts", "Accounts")

Privacy = Literal["public", "unlisted", "private", "direct"]
PRIVACIES: Final = {name: visibility for visibility, name in VISIBILITIES.items()}


class FieldSource(Struct, frozen=True):
    """A line of a profile as typed."""

    name: str
    value: str
    verified_at: str | None


class Source(Struct, frozen=True):
    """What one typed, and what one's posts begin with."""

    privacy: Privacy
    sensitive: bool
    language: str | None
    note: str
    fields: tuple[FieldSource, ...]
    follow_requests_count: int
    discoverable: bool
    indexable: bool
    hide_collections: bool
    attribution_domains: tuple[str, ...]


class RoleEntity(Struct, frozen=True):
    """What somebody may do for the site; ``permissions`` are Mastodon's bits, as digits."""

    id: str
    name: str
    permissions: str
    color: str = ""
    highlighted: bool = False


class CredentialAccount(AccountEntity, frozen=True, kw_only=True):
    """Oneself."""

    source: Source
    role: RoleEntity


#: Mastodon's permission bits: 1 for administrators; 4 and 10 for moderators, to manage reports and users.
_ROLES: Final = {
    Role.OWNER: RoleEntity("3", "Owner", "1", highlighted=True),
    Role.ADMIN: RoleEntity("2", "Admin", "1", highlighted=True),
    Role.MODERATOR: RoleEntity("1", "Moderator", str(1 << 4 | 1 << 10), highlighted=True),
    Role.USER: RoleEntity("-99", "", "0"),
}


class FieldParam(Struct, kw_only=True):
    name: str = ""
    value: str = ""


class SourceParam(Struct, kw_only=True):
    """What one's posts begin with."""

    privacy: Privacy | None = None
    sensitive: bool | None = None
    language: str | None = None


class UpdateParams(Struct, kw_only=True):
    """What is left out stays as it is."""

    display_name: str | None = None
    note: Annotated[str | None, Meta(description="What one says of oneself, as plain text.")] = None
    locked: Annotated[bool | None, Meta(description="Whether follows wait for one's word.")] = None
    bot: bool | None = None
    discoverable: bool | None = None
    indexable: Annotated[
        bool | None, Meta(description="Whether everyone finds your public posts by searching.")
    ] = None
    noindex: Annotated[
        bool | None, Meta(description="Whether search engines are asked to leave your pages out.")
    ] = None
    hide_collections: Annotated[
        bool | None, Meta(description="Whether others see empty lists of your followers and follows.")
    ] = None
    attribution_domains: Annotated[
        list[str] | None, Meta(description="Websites that may name you as their author; 100 at most.")
    ] = None
    fields_attributes: Annotated[
        list[FieldParam] | None, Meta(description="All lines of the profile; four at most.")
    ] = None
    source: SourceParam | None = None
    avatar: Annotated[Any, Meta(description="Refused: this site has no uploads.")] = None
    header: Annotated[Any, Meta(description="Refused: this site has no uploads.")] = None


class LookupParams(Struct, kw_only=True):
    acct: Annotated[str, Meta(description="`bob`, or `bob@this.site`.")]


class SearchParams(Struct, kw_only=True):
    q: str = ""
    limit: int = 40
    offset: Annotated[int, Meta(description="How many to leave out.")] = 0
    following: Annotated[bool, Meta(description="Only those whom one follows.")] = False
    resolve: Annotated[bool, Meta(description="Without effect: there are no other sites to ask.")] = False


class IdsParams(Struct, kw_only=True):
    id: Annotated[tuple[Id, ...], Meta(description="Their ids; 40 at most.")] = ()


class StatusesParams(Paging, kw_only=True):
    exclude_replies: bool = False
    exclude_reblogs: bool = False
    only_media: bool = False
    pinned: bool = False
    tagged: str | None = None


async def credentials(
    microblog: Microblog, call: Call[Any], account: Account, user: User
) -> CredentialAccount:
    """Return the entity of the viewer's own account."""
    base = call.account(account)
    return CredentialAccount(
        **{name: getattr(base, name) for name in AccountEntity.__struct_fields__},
        source=Source(
            privacy=_privacy(user),
            sensitive=user.default_sensitive,
            language=user.language,
            note=account.bio,
            fields=tuple(
                FieldSource(
                    each.name,
                    each.value,
                    entities.timestamp(each.verified_at) if each.verified_at else None,
                )
                for each in account.fields
            ),
            follow_requests_count=await microblog.follows.requests_count(call.viewer),
            discoverable=account.discoverable,
            indexable=account.indexable,
            hide_collections=account.hide_collections,
            attribution_domains=user.attribution_domains,
        ),
        role=_ROLES[user.role],
    )


def _privacy(user: User) -> Any:
    return VISIBILITIES[user.default_visibility]


@api.get("/api/v1/accounts/verify_credentials", scope="profile", answer=CredentialAccount)
async def verify_credentials(microblog: Microblog, call: Call[Nothing]) -> CredentialAccount:
    """Oneself."""
    return await credentials(microblog, call, call.viewer.account, await microblog.accounts.user(call.viewer))


@api.patch(
    "/api/v1/accounts/update_credentials",
    scope="write:accounts",
    params=UpdateParams,
    answer=CredentialAccount,
)
async def update_credentials(microblog: Microblog, call: Call[UpdateParams]) -> CredentialAccount:
    """Change one's profile, and what one's posts begin with."""
    sent, viewer, account = call.params, call.viewer, call.viewer.account
    for name in ("avatar", "header"):
        if isinstance(getattr(sent, name), Upload):
            raise InvalidInput("This site has no uploads yet: avatars and headers are drawn by it.", name)
    changes: dict[str, Any] = {}
    if sent.source is not None:
        if sent.source.privacy is not None:
            changes["default_visibility"] = PRIVACIES[sent.source.privacy]
        if sent.source.sensitive is not None:
            changes["default_sensitive"] = sent.source.sensitive
        if sent.source.language is not None:
            changes["language"] = sent.source.language or None
    if sent.attribution_domains is not None:
        changes["attribution_domains"] = sent.attribution_domains
    user = (
        await microblog.profiles.update_preferences(viewer, **changes)
        if changes
        else await microblog.accounts.user(viewer)
    )
    profile = (
        *(sent.display_name, sent.note, sent.locked, sent.bot, sent.discoverable, sent.fields_attributes),
        *(sent.indexable, sent.noindex, sent.hide_collections),
    )
    if any(each is not None for each in profile):
        fields = [(each.name, each.value) for each in account.fields]
        if sent.fields_attributes is not None:
            fields = [
                (each.name, each.value)
                for each in sent.fields_attributes
                if each.name.strip() or each.value.strip()
            ]
        account = await microblog.profiles.update(
            viewer,
            display_name=account.display_name if sent.display_name is None else sent.display_name,
            bio=account.bio if sent.note is None else sent.note,
            fields=fields,
            locked=account.locked if sent.locked is None else sent.locked,
            discoverable=account.discoverable if sent.discoverable is None else sent.discoverable,
            bot=account.bot if sent.bot is None else sent.bot,
            indexable=sent.indexable,
            noindex=sent.noindex,
            hide_collections=sent.hide_collections,
        )
    return await credentials(microblog, call, account, user)


@api.get(
    "/api/v1/accounts/lookup",
    viewer="optional",
    scope="read:accounts",
    params=LookupParams,
    answer=AccountEntity,
    public=True,
    statuses=(404,),
)
async def lookup_account(microblog: Microblog, call: Call[LookupParams]) -> AccountEntity:
    """Somebody by name."""
    return call.account(await named(microblog, call.params.acct))


async def named(microblog: Microblog, acct: str) -> Account:
    """Return the account named ``bob``, ``@bob`` or ``bob@this.site``. Raises NotFound."""
    name, _, domain = acct.strip().removeprefix("@").partition("@")
    if domain and domain.lower() not in (microblog.config.host, microblog.config.netloc):
        raise NotFound
    return await microblog.accounts.by_name(name)


@api.get(
    "/api/v1/accounts/search",
    scope="read:accounts",
    limit="completion",
    params=SearchParams,
    answer=list[AccountEntity],
)
async def search_accounts(microblog: Microblog, call: Call[SearchParams]) -> list[AccountEntity]:
    """People by the beginnings of their names; whose name it is exactly comes first."""
    sent = call.params
    return call.accounts(
        await microblog.search.people(
            call.viewer,
            sent.q,
            limit=clamped(sent.limit, 80),
            offset=clamped(sent.offset + 1, 10_001) - 1,
            following=sent.following,
        )
    )


@api.get(
    "/api/v1/accounts", viewer="optional", scope="read:accounts", params=IdsParams, answer=list[AccountEntity]
)
async def accounts_by_ids(microblog: Microblog, call: Call[IdsParams]) -> list[AccountEntity]:
    """Several people at once; those that there are not are left out."""
    return call.accounts(await microblog.accounts.by_ids(call.params.id[:40]))


@api.get("/api/v1/accounts/<id>", viewer="optional", scope="read:accounts", answer=AccountEntity, public=True)
async def account(microblog: Microblog, call: Call[Nothing]) -> AccountEntity:
    """Somebody."""
    return call.account(await microblog.accounts.by_id(call.id()))


@api.get(
    "/api/v1/accounts/<id>/statuses",
    viewer="optional",
    scope="read:statuses",
    params=StatusesParams,
    answer=list[StatusEntity],
    paged=True,
    public=True,
)
async def account_statuses(microblog: Microblog, call: Call[StatusesParams]) -> Paged:
    """What somebody posted, as far as one may see it."""
    sent = call.params
    account = await microblog.accounts.by_id(call.id())
    if sent.only_media:
        return Paged(())  # no post has any
    tag = None
    if sent.tagged:
        tag = hashtag_key(sent.tagged.lstrip("#"))
        if tag is None:
            return Paged(())
    if sent.pinned:
        return Paged(
            await call.filtered_statuses(
                microblog, await microblog.pins.of(call.viewer_or_none, account.id), Context.ACCOUNT
            )
        )
    page = await microblog.timelines.account(
        call.viewer_or_none,
        account.id,
        sent.span,
        replies=not sent.exclude_replies,
        boosts=not sent.exclude_reblogs and tag is None,
        tag=tag,
    )
    return call.paged(page, await call.filtered_statuses(microblog, page.items, Context.ACCOUNT))


@api.get(
    "/api/v1/accounts/<id>/identity_proofs", scope="read:accounts", answer=list[Nothing], deprecated=True
)
async def identity_proofs(microblog: Microblog, call: Call[Nothing]) -> list[Nothing]:
    """List an account's proofs of identity: Mastodon removed them, and old clients still ask."""
    await microblog.accounts.by_id(call.id())
    return []


@api.get(
    "/api/v1/accounts/<id>/followers",
    viewer="optional",
    scope="read:accounts",
    params=AccountPaging,
    answer=list[AccountEntity],
    paged=True,
    public=True,
)
async def followers(microblog: Microblog, call: Call[AccountPaging]) -> Paged:
    """Who follows somebody, the newest first."""
    return call.paged_accounts(
        await microblog.follows.followers(call.viewer_or_none, call.id(), call.params.span)
    )


@api.get(
    "/api/v1/accounts/<id>/following",
    viewer="optional",
    scope="read:accounts",
    params=AccountPaging,
    answer=list[AccountEntity],
    paged=True,
    public=True,
)
async def following(microblog: Microblog, call: Call[AccountPaging]) -> Paged:
    """Whom somebody follows, the newest first."""
    return call.paged_accounts(
        await microblog.follows.following(call.viewer_or_none, call.id(), call.params.span)
    )
