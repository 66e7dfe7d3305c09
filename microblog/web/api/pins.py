"""Endpoints of pinned posts and muted threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.domain.errors import InvalidInput
from microblog.mastodon.entities import StatusEntity
from microblog.web.api.endpoint import Api, Call, Nothing

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.pins", "Statuses")


@api.post("/api/v1/statuses/<id>/pin", scope="write:accounts", answer=StatusEntity)
async def pin(microblog: Microblog, call: Call[Nothing]) -> StatusEntity:
    """Show one's post first on one's profile; five at most."""
    try:
        return await call.filtered_status(microblog, await microblog.pins.pin(call.viewer, call.id()))
    except InvalidInput as error:
        raise InvalidInput(f"Validation failed: {error.text}", error.field, error.reason) from error


@api.post("/api/v1/statuses/<id>/unpin", scope="write:accounts", answer=StatusEntity)
async def unpin(microblog: Microblog, call: Call[Nothing]) -> StatusEntity:
    """No longer."""
    return await call.filtered_status(microblog, await microblog.pins.unpin(call.viewer, call.id()))


@api.post("/api/v1/statuses/<id>/mute", scope="write:mutes", answer=StatusEntity)
async def mute_thread(microblog: Microblog, call: Call[Nothing]) -> StatusEntity:
    """No more notifications of the post's thread."""
    return await call.filtered_status(microblog, await microblog.thread_mutes.mute(call.viewer, call.id()))


@api.post("/api/v1/statuses/<id>/unmute", scope="write:mutes", answer=StatusEntity)
async def unmute_thread(microblog: Microblog, call: Call[Nothing]) -> StatusEntity:
    """They come again."""
    return await call.filtered_status(microblog, await microblog.thread_mutes.unmute(call.viewer, call.id()))
