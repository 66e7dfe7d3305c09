"""Endpoints of posts: publish, read, edit, delete, thread, history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta, Struct, structs

from microblog.domain.errors import InvalidInput, UnexpectedMentions
from microblog.domain.filters import Context as FilterContext
from microblog.domain.language import known_language
from microblog.domain.posts import Draft, Edit
from microblog.domain.render import absolute
from microblog.http.forms import POST_TEXT_LIMIT
from microblog.http.responses import Json
from microblog.http.status import status_of
from microblog.mastodon import entities
from microblog.mastodon.entities import AccountEntity, StatusEntity
from microblog.mastodon.errors import error_entity
from microblog.web.api.accounts import PRIVACIES, Privacy
from microblog.web.api.endpoint import AccountPaging, Api, Call, Id, Nothing, Paged

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.statuses", "Statuses")

MOST_IDS: Final = 40
_LONGEST_KEY: Final = 200


class StatusParams(Struct, kw_only=True):
    status: Annotated[str, Meta(description="What to say, as plain text.")] = ""
    in_reply_to_id: Id | None = None
    sensitive: bool | None = None
    spoiler_text: Annotated[str, Meta(description="A warning, behind which the text is hidden.")] = ""
    visibility: Annotated[
        Privacy | None,
        Meta(
            description="By default what your preferences say, and in a reply no wider than the post it answers."
        ),
    ] = None
    language: Annotated[str | None, Meta(description="As `en` or `pt-BR`.")] = None
    media_ids: Annotated[tuple[str, ...], Meta(description="Refused: this site has no uploads.")] = ()
    poll: Annotated[dict[str, Any] | None, Meta(description="Refused: this site has no polls.")] = None
    allowed_mentions: Annotated[
        tuple[str, ...] | None,
        Meta(
            description="Ids of the accounts that the post may mention. If it mentions others, nothing is published, "
            "and the error lists them as `unexpected_accounts`."
        ),
    ] = None
    scheduled_at: Annotated[str | None, Meta(description="Refused: posts are published at once.")] = None
    quoted_status_id: Annotated[str | None, Meta(description="Refused: this site has no quotes.")] = None


class EditParams(Struct, kw_only=True):
    status: str = ""
    sensitive: bool | None = None
    spoiler_text: str = ""
    language: str | None = None
    media_ids: tuple[str, ...] = ()
    poll: dict[str, Any] | None = None


class IdsParams(Struct, kw_only=True):
    id: Annotated[tuple[Id, ...], Meta(description="Their ids; 40 at most.")] = ()


class Context(Struct, frozen=True):
    """What a post answers, the oldest first, and what answers it, in reading order."""

    ancestors: list[StatusEntity]
    descendants: list[StatusEntity]


class StatusSource(Struct, frozen=True):
    """A post as typed."""

    id: str
    text: str
    spoiler_text: str


class StatusEdit(Struct, frozen=True):
    """How a post read from ``created_at`` on."""

    content: str
    spoiler_text: str
    sensitive: bool
    created_at: str
    account: AccountEntity
    media_attachments: tuple[()] = ()
    emojis: tuple[()] = ()
    poll: None = None


def _refuse_missing(sent: StatusParams | EditParams) -> None:
    if sent.media_ids:
        raise InvalidInput("This site has no uploads yet, so a post can't have media.", "media_ids")
    if sent.poll:
        raise InvalidInput("This site has no polls yet.", "poll")
    if isinstance(sent, StatusParams) and sent.scheduled_at:
        raise InvalidInput("This site can't publish later yet: leave the time out.", "scheduled_at")
    if isinstance(sent, StatusParams) and sent.quoted_status_id:
        raise InvalidInput("This site has no quotes: link to the post instead.", "quoted_status_id")


def _with_protocol_names(error: InvalidInput) -> InvalidInput:
    """Return the error with the protocol's field names and the texts that clients compare."""
    if error.field in ("text", "summary"):
        field = "status" if error.field == "text" else "spoiler_text"
        text = "Text can't be blank" if error.reason == "blank" else error.text
        return InvalidInput(f"Validation failed: {text}", field, error.reason)
    return error


@api.post(
    "/api/v1/statuses",
    scope="write:statuses",
    text_limit=POST_TEXT_LIMIT,
    limit="post",
    remembered=True,
    params=StatusParams,
    answer=StatusEntity,
    statuses=(404,),
)
async def publish(microblog: Microblog, call: Call[StatusParams]) -> StatusEntity | Json:
    """Publish a post.

    With the header `Idempotency-Key`, the same request sent again gives the same post.
    """
    sent, viewer = call.params, call.viewer
    _refuse_missing(sent)
    key = call.request.header("idempotency-key")
    if key is not None and not (key := key.strip()):
        key = None
    if key is not None and len(key) > _LONGEST_KEY:
        raise InvalidInput(f"An Idempotency-Key has {_LONGEST_KEY} characters at most.", reason="too_long")
    draft = Draft(
        sent.status,
        summary=sent.spoiler_text,
        sensitive=viewer.default_sensitive if sent.sensitive is None else sent.sensitive,
        visibility=None if sent.visibility is None else PRIVACIES[sent.visibility],
        language=sent.language or None,
        reply_to_id=sent.in_reply_to_id,
        key=key,
        allowed_mentions=None
        if sent.allowed_mentions is None
        else frozenset(
            int(each)
            for each in sent.allowed_mentions
            if each.isascii() and each.isdigit() and len(each) < 20
        ),
    )
    try:
        return call.status(await microblog.posts.publish(viewer, draft))
    except UnexpectedMentions as error:
        unexpected = await microblog.accounts.by_ids(error.account_ids)
        body = error_entity(error, call.request.id) | {"unexpected_accounts": call.accounts(unexpected)}
        return Json(body, status=status_of(error))
    except InvalidInput as error:
        raise _with_protocol_names(error) from error


@api.get(
    "/api/v1/statuses", viewer="optional", scope="read:statuses", params=IdsParams, answer=list[StatusEntity]
)
async def statuses_by_ids(microblog: Microblog, call: Call[IdsParams]) -> list[StatusEntity]:
    """Several posts at once; those that one may not see are left out."""
    ids = list(dict.fromkeys(call.params.id))[:MOST_IDS]
    return await call.filtered_statuses(microblog, await microblog.posts.by_ids(call.viewer_or_none, ids))


@api.get("/api/v1/statuses/<id>", viewer="optional", scope="read:statuses", answer=StatusEntity, public=True)
async def status(microblog: Microblog, call: Call[Nothing]) -> StatusEntity:
    """A post."""
    return await call.filtered_status(microblog, await microblog.posts.by_id(call.viewer_or_none, call.id()))


@api.put(
    "/api/v1/statuses/<id>",
    scope="write:statuses",
    text_limit=POST_TEXT_LIMIT,
    params=EditParams,
    answer=StatusEntity,
)
async def edit(microblog: Microblog, call: Call[EditParams]) -> StatusEntity:
    """Change one's post; how it read before is kept."""
    sent, viewer = call.params, call.viewer
    _refuse_missing(sent)
    before = await microblog.posts.by_id(viewer, call.id())
    draft = Draft(
        sent.status,
        summary=sent.spoiler_text,
        sensitive=before.sensitive_by_itself if sent.sensitive is None else sent.sensitive,
        language=known_language(sent.language) or before.language,
    )
    try:
        return call.status(await microblog.posts.edit(viewer, before.id, draft))
    except InvalidInput as error:
        raise _with_protocol_names(error) from error


@api.delete("/api/v1/statuses/<id>", scope="write:statuses", answer=StatusEntity)
async def delete(microblog: Microblog, call: Call[Nothing]) -> StatusEntity:
    """Delete your post, or your boost of a post.

    The answer has the post's `text`, for a new draft.
    """
    post = await microblog.posts.delete(call.viewer, call.id())
    return structs.replace(call.status(post), text=post.text)


@api.get(
    "/api/v1/statuses/<id>/context", viewer="optional", scope="read:statuses", answer=Context, public=True
)
async def context(microblog: Microblog, call: Call[Nothing]) -> Context:
    """What a post answers, and what answers it."""
    thread = await microblog.posts.thread(call.viewer_or_none, call.id())
    posts = [*thread.ancestors, *(post for _, post in thread.descendants)]
    shown = await call.filtered_statuses(microblog, posts, FilterContext.THREAD)
    above = len(thread.ancestors)
    return Context(shown[:above], shown[above:])


@api.get("/api/v1/statuses/<id>/source", scope="read:statuses", answer=StatusSource)
async def source(microblog: Microblog, call: Call[Nothing]) -> StatusSource:
    """A post as typed, for editing it."""
    post = (await microblog.posts.by_id(call.viewer, call.id())).content
    return StatusSource(str(post.id), post.text, post.summary)


@api.get(
    "/api/v1/statuses/<id>/history",
    viewer="optional",
    scope="read:statuses",
    answer=list[StatusEdit],
    public=True,
)
async def history(microblog: Microblog, call: Call[Nothing]) -> list[StatusEdit]:
    """How a post read, the oldest first; as it reads now is the last."""
    post = (await microblog.posts.by_id(call.viewer_or_none, call.id())).content
    author = call.account(post.author)
    return [
        _edit(each, author, call.base_url)
        for each in await microblog.posts.history(call.viewer_or_none, post.id)
    ]


def _edit(edit: Edit, author: AccountEntity, base_url: str) -> StatusEdit:
    return StatusEdit(
        absolute(edit.html, base_url),
        edit.summary,
        edit.sensitive,
        entities.timestamp(edit.created_at),
        author,
    )


@api.get(
    "/api/v1/statuses/<id>/card", viewer="optional", scope="read:statuses", answer=Nothing, deprecated=True
)
async def card(microblog: Microblog, call: Call[Nothing]) -> Nothing:
    """The preview of a post's link: this site makes none, so there is nothing in it."""
    await microblog.posts.by_id(call.viewer_or_none, call.id())
    return Nothing()


@api.get(
    "/api/v1/statuses/<id>/reblogged_by",
    viewer="optional",
    scope="read:accounts",
    params=AccountPaging,
    answer=list[AccountEntity],
    paged=True,
    public=True,
)
async def reblogged_by(microblog: Microblog, call: Call[AccountPaging]) -> Paged:
    """Who boosted a post, the newest first."""
    return call.paged_accounts(
        await microblog.posts.boosted_by(call.viewer_or_none, call.id(), call.params.span)
    )


@api.get(
    "/api/v1/statuses/<id>/favourited_by",
    viewer="optional",
    scope="read:accounts",
    params=AccountPaging,
    answer=list[AccountEntity],
    paged=True,
    public=True,
)
async def favourited_by(microblog: Microblog, call: Call[AccountPaging]) -> Paged:
    """Who favourited a post, the newest first."""
    return call.paged_accounts(
        await microblog.posts.favourited_by(call.viewer_or_none, call.id(), call.params.span)
    )
