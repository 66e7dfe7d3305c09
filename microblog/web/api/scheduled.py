"""The endpoint of scheduled posts, which is empty: clients request it even though posts can't be scheduled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.web.api.endpoint import Api, Call, Nothing, Paged, Paging

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.scheduled", "Statuses")


@api.get("/api/v1/scheduled_statuses", scope="read:statuses", params=Paging, answer=list[Nothing], paged=True)
async def scheduled_statuses(microblog: Microblog, call: Call[Paging]) -> Paged:
    """List your scheduled posts: none, as posts can't be scheduled here yet."""
    return Paged(())
