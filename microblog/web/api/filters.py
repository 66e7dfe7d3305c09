"""Endpoints of filters: version 2 of the protocol, and version 1, in which each keyword is a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from microblog.domain.filters import KEYWORDS_MOST, Action, Filter, Keyword
from microblog.mastodon import entities
from microblog.mastodon.entities import FilterEntity, FilterKeywordEntity, FilterStatusEntity
from microblog.services.filters import KeywordChange
from microblog.web.api.endpoint import Api, Call, Id, Nothing

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.filters", "Filters")

#: Keys of a request that creates a filter: four for each possible keyword, and the other parameters.
_KEYS: Final = 4 * KEYWORDS_MOST + 20
FilterContext = Literal["home", "notifications", "public", "thread", "account"]
FilterAction = Literal["warn", "hide", "blur"]
Seconds = Annotated[int | None, Meta(description="For so many seconds; nothing is for good.")]


class KeywordParams(Struct, kw_only=True):
    keyword: str
    whole_word: bool = True


class KeywordUpdate(Struct, kw_only=True):
    keyword: str | None = None
    whole_word: bool | None = None


class KeywordAttributes(Struct, kw_only=True):
    """A keyword to add, or with its id to change or to take away."""

    keyword: str | None = None
    whole_word: bool | None = None
    id: Id | None = None
    _destroy: bool = False

    @property
    def change(self) -> KeywordChange:
        return KeywordChange(self.keyword, self.whole_word, self.id, self._destroy)


class FilterParams(Struct, kw_only=True):
    title: str
    context: Annotated[tuple[FilterContext, ...], Meta(description="Where it applies.")]
    filter_action: FilterAction = "warn"
    expires_in: Seconds = None
    keywords_attributes: tuple[KeywordAttributes, ...] = ()


class FilterChange(Struct, kw_only=True):
    title: str | None = None
    context: tuple[FilterContext, ...] | None = None
    filter_action: FilterAction | None = None
    expires_in: int | UnsetType | None = UNSET
    keywords_attributes: tuple[KeywordAttributes, ...] = ()


class FilterStatusParams(Struct, kw_only=True):
    status_id: Id


class FilterV1Entity(Struct, frozen=True):
    """A keyword, as version 1 has filters."""

    id: str
    phrase: str
    context: tuple[str, ...]
    whole_word: bool
    expires_at: str | None
    irreversible: bool


class FilterV1Params(Struct, kw_only=True):
    phrase: str
    context: tuple[FilterContext, ...]
    irreversible: Annotated[bool, Meta(description="Hide instead of warn.")] = False
    whole_word: bool = False
    expires_in: Seconds = None


class FilterV1Change(Struct, kw_only=True):
    """What is left out stays as it is."""

    phrase: str | None = None
    context: tuple[FilterContext, ...] | None = None
    irreversible: Annotated[bool | None, Meta(description="Hide instead of warn.")] = None
    whole_word: bool | None = None
    expires_in: int | UnsetType | None = UNSET


def _keyword(found: Keyword) -> FilterKeywordEntity:
    return FilterKeywordEntity(str(found.id), found.keyword, found.whole_word)


def _v1(found: Filter, keyword: Keyword) -> FilterV1Entity:
    return FilterV1Entity(
        str(keyword.id),
        keyword.keyword,
        tuple(each.value for each in found.contexts),
        keyword.whole_word,
        entities.timestamp(found.expires_at) if found.expires_at else None,
        found.action is Action.HIDE,
    )


@api.get("/api/v2/filters", scope="read:filters", answer=list[FilterEntity])
async def filters(microblog: Microblog, call: Call[Nothing]) -> list[FilterEntity]:
    """One's filters."""
    return [entities.filter_entity(each) for each in await microblog.filters.all(call.viewer)]


@api.post(
    "/api/v2/filters",
    scope="write:filters",
    key_limit=_KEYS,
    params=FilterParams,
    answer=FilterEntity,
)
async def create_filter(microblog: Microblog, call: Call[FilterParams]) -> FilterEntity:
    """Make a filter."""
    sent = call.params
    return entities.filter_entity(
        await microblog.filters.create(
            call.viewer,
            sent.title,
            sent.context,
            action=sent.filter_action,
            expires_in=sent.expires_in,
            keywords=[each.change for each in sent.keywords_attributes],
        )
    )


@api.get("/api/v2/filters/<id>", scope="read:filters", answer=FilterEntity)
async def one_filter(microblog: Microblog, call: Call[Nothing]) -> FilterEntity:
    """One of them."""
    return entities.filter_entity(await microblog.filters.by_id(call.viewer, call.id()))


@api.put(
    "/api/v2/filters/<id>",
    scope="write:filters",
    key_limit=_KEYS,
    params=FilterChange,
    answer=FilterEntity,
)
async def update_filter(microblog: Microblog, call: Call[FilterChange]) -> FilterEntity:
    """Change a filter."""
    sent = call.params
    return entities.filter_entity(
        await microblog.filters.update(
            call.viewer,
            call.id(),
            title=sent.title,
            contexts=sent.context,
            action=sent.filter_action,
            keep_expiry=sent.expires_in is UNSET,
            expires_in=sent.expires_in if isinstance(sent.expires_in, int) else None,
            keywords=[each.change for each in sent.keywords_attributes],
        )
    )


@api.delete("/api/v2/filters/<id>", scope="write:filters")
async def delete_filter(microblog: Microblog, call: Call[Nothing]) -> Nothing:
    """Delete a filter."""
    await microblog.filters.delete(call.viewer, call.id())
    return Nothing()


@api.get("/api/v2/filters/<id>/keywords", scope="read:filters", answer=list[FilterKeywordEntity])
async def filter_keywords(microblog: Microblog, call: Call[Nothing]) -> list[FilterKeywordEntity]:
    """The words of a filter."""
    return [_keyword(each) for each in (await microblog.filters.by_id(call.viewer, call.id())).keywords]


@api.post(
    "/api/v2/filters/<id>/keywords", scope="write:filters", params=KeywordParams, answer=FilterKeywordEntity
)
async def add_filter_keyword(microblog: Microblog, call: Call[KeywordParams]) -> FilterKeywordEntity:
    """Add a word."""
    sent = call.params
    return _keyword(
        await microblog.filters.add_keyword(call.viewer, call.id(), sent.keyword, whole_word=sent.whole_word)
    )


@api.get("/api/v2/filters/keywords/<id>", scope="read:filters", answer=FilterKeywordEntity)
async def filter_keyword(microblog: Microblog, call: Call[Nothing]) -> FilterKeywordEntity:
    """A word of a filter."""
    return _keyword((await microblog.filters.keyword(call.viewer, call.id()))[1])


@api.put(
    "/api/v2/filters/keywords/<id>", scope="write:filters", params=KeywordUpdate, answer=FilterKeywordEntity
)
async def update_filter_keyword(microblog: Microblog, call: Call[KeywordUpdate]) -> FilterKeywordEntity:
    """Change a word."""
    sent = call.params
    return _keyword(
        await microblog.filters.change_keyword(call.viewer, call.id(), sent.keyword, sent.whole_word)
    )


@api.delete("/api/v2/filters/keywords/<id>", scope="write:filters")
async def delete_filter_keyword(microblog: Microblog, call: Call[Nothing]) -> Nothing:
    """Take a word away."""
    await microblog.filters.delete_keyword(call.viewer, call.id())
    return Nothing()


@api.get("/api/v2/filters/<id>/statuses", scope="read:filters", answer=list[FilterStatusEntity])
async def filter_statuses(microblog: Microblog, call: Call[Nothing]) -> list[FilterStatusEntity]:
    """The single posts of a filter."""
    found = await microblog.filters.by_id(call.viewer, call.id())
    return [FilterStatusEntity(str(each.id), str(each.post_id)) for each in found.posts]


@api.post(
    "/api/v2/filters/<id>/statuses",
    scope="write:filters",
    params=FilterStatusParams,
    answer=FilterStatusEntity,
)
async def add_filter_status(microblog: Microblog, call: Call[FilterStatusParams]) -> FilterStatusEntity:
    """Filter one post."""
    made = await microblog.filters.add_post(call.viewer, call.id(), call.params.status_id)
    return FilterStatusEntity(str(made.id), str(made.post_id))


@api.get("/api/v2/filters/statuses/<id>", scope="read:filters", answer=FilterStatusEntity)
async def filter_status(microblog: Microblog, call: Call[Nothing]) -> FilterStatusEntity:
    """A single post of a filter."""
    _, found = await microblog.filters.post(call.viewer, call.id())
    return FilterStatusEntity(str(found.id), str(found.post_id))


@api.delete("/api/v2/filters/statuses/<id>", scope="write:filters")
async def delete_filter_status(microblog: Microblog, call: Call[Nothing]) -> Nothing:
    """Filter that post no more."""
    await microblog.filters.delete_post(call.viewer, call.id())
    return Nothing()


# ------------------------------------------------------------------------------------------------- version 1


@api.get("/api/v1/filters", scope="read:filters", answer=list[FilterV1Entity], deprecated=True)
async def filters_v1(microblog: Microblog, call: Call[Nothing]) -> list[FilterV1Entity]:
    """The words of all one's filters."""
    found = await microblog.filters.all(call.viewer)
    return [_v1(each, keyword) for each in found for keyword in each.keywords]


@api.post(
    "/api/v1/filters", scope="write:filters", params=FilterV1Params, answer=FilterV1Entity, deprecated=True
)
async def create_filter_v1(microblog: Microblog, call: Call[FilterV1Params]) -> FilterV1Entity:
    """Make a filter of one word."""
    sent = call.params
    made = await microblog.filters.create(
        call.viewer,
        sent.phrase,
        sent.context,
        action="hide" if sent.irreversible else "warn",
        expires_in=sent.expires_in,
        keywords=[KeywordChange(sent.phrase, sent.whole_word)],
    )
    return _v1(made, made.keywords[0])


@api.get("/api/v1/filters/<id>", scope="read:filters", answer=FilterV1Entity, deprecated=True)
async def filter_v1(microblog: Microblog, call: Call[Nothing]) -> FilterV1Entity:
    """A word of a filter."""
    return _v1(*await microblog.filters.keyword(call.viewer, call.id()))


@api.put(
    "/api/v1/filters/<id>",
    scope="write:filters",
    params=FilterV1Change,
    answer=FilterV1Entity,
    deprecated=True,
)
async def update_filter_v1(microblog: Microblog, call: Call[FilterV1Change]) -> FilterV1Entity:
    """Change a word, and where its filter applies."""
    sent = call.params
    before, keyword = await microblog.filters.keyword(call.viewer, call.id())
    await microblog.filters.update(
        call.viewer,
        before.id,
        contexts=sent.context,
        action=None if sent.irreversible is None else "hide" if sent.irreversible else "warn",
        keep_expiry=sent.expires_in is UNSET,
        expires_in=sent.expires_in if isinstance(sent.expires_in, int) else None,
        keywords=[KeywordChange(sent.phrase, sent.whole_word, keyword.id)],
    )
    return _v1(*await microblog.filters.keyword(call.viewer, keyword.id))


@api.delete("/api/v1/filters/<id>", scope="write:filters", deprecated=True)
async def delete_filter_v1(microblog: Microblog, call: Call[Nothing]) -> Nothing:
    """Take a word away, and its filter where it was its only one."""
    before, keyword = await microblog.filters.keyword(call.viewer, call.id())
    if len(before.keywords) == 1 and not before.posts:
        await microblog.filters.delete(call.viewer, before.id)
    else:
        await microblog.filters.delete_keyword(call.viewer, keyword.id)
    return Nothing()
