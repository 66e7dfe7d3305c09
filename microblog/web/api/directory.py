"""The endpoint of the directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from microblog.mastodon.entities import AccountEntity
from microblog.web.api.endpoint import Api, Call, clamped

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.directory", "Accounts")


class DirectoryParams(Struct, kw_only=True):
    offset: Annotated[int, Meta(description="How many to leave out; 10,000 at most.")] = 0
    limit: Annotated[int, Meta(description="How many at most; above 80 it is 80.")] = 40
    order: Annotated[
        Literal["active", "new"], Meta(description="Who wrote last, or who came last, first.")
    ] = "active"
    local: Annotated[bool, Meta(description="Only people of this site.")] = False


@api.get("/api/v1/directory", viewer="optional", params=DirectoryParams, answer=list[AccountEntity])
async def directory(microblog: Microblog, call: Call[DirectoryParams]) -> list[AccountEntity]:
    """People who want to be found."""
    sent = call.params
    return call.accounts(
        await microblog.trends.directory(
            call.viewer_or_none,
            newest=sent.order == "new",
            local=sent.local,
            offset=sent.offset,
            limit=clamped(sent.limit, 80),
        )
    )
