"""Endpoints of conversations: direct posts by thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from microblog.domain.conversations import Conversation
from microblog.mastodon.entities import AccountEntity, StatusEntity
from microblog.web.api.endpoint import Api, Call, Nothing, Paged, Paging

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.conversations", "Conversations")


class ConversationEntity(Struct, frozen=True):
    """Direct posts of one thread, by the last of them."""

    id: str
    unread: bool
    accounts: list[AccountEntity]
    last_status: StatusEntity | None


async def _entities(
    microblog: Microblog, call: Call[Paging] | Call[Nothing], found: Sequence[Conversation]
) -> list[ConversationEntity]:
    posts = await call.filtered_statuses(microblog, [each.last_post for each in found])
    return [
        ConversationEntity(str(each.id), each.unread, call.accounts(each.participants), post)
        for each, post in zip(found, posts, strict=True)
    ]


@api.get(
    "/api/v1/conversations",
    scope="read:statuses",
    params=Paging,
    answer=list[ConversationEntity],
    paged=True,
)
async def conversations(microblog: Microblog, call: Call[Paging]) -> Paged:
    """One's conversations, the one with the newest post first. Cursors are the ids of their last posts."""
    page = await microblog.conversations.page(call.viewer, call.params.span)
    return call.paged(page, await _entities(microblog, call, page.items))


@api.delete("/api/v1/conversations/<id>", scope="write:conversations")
async def delete_conversation(microblog: Microblog, call: Call[Nothing]) -> Nothing:
    """Put it away; its posts stay, and the next one brings it back."""
    await microblog.conversations.delete(call.viewer, call.id())
    return Nothing()


@api.post("/api/v1/conversations/<id>/read", scope="write:conversations", answer=ConversationEntity)
async def read_conversation(microblog: Microblog, call: Call[Nothing]) -> ConversationEntity:
    """It is read."""
    (entity,) = await _entities(
        microblog, call, [await microblog.conversations.mark_read(call.viewer, call.id())]
    )
    return entity


@api.post("/api/v1/conversations/<id>/unread", scope="write:conversations", answer=ConversationEntity)
async def unread_conversation(microblog: Microblog, call: Call[Nothing]) -> ConversationEntity:
    """It is not."""
    (entity,) = await _entities(
        microblog, call, [await microblog.conversations.mark_read(call.viewer, call.id(), read=False)]
    )
    return entity
