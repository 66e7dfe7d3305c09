"""Endpoints of lists and their members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from microblog.domain.filters import Context
from microblog.domain.lists import RepliesPolicy, UserList
from microblog.domain.posts import Span
from microblog.mastodon.entities import AccountEntity, StatusEntity
from microblog.web.api.endpoint import AccountPaging, Api, Call, Id, Nothing, Paged, Paging, clamped

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.lists", "Lists")

Policy = Literal["followed", "list", "none"]


class ListEntity(Struct, frozen=True):
    """A list of one's own."""

    id: str
    title: str
    replies_policy: str
    exclusive: bool


class ListParams(Struct, kw_only=True):
    title: str
    replies_policy: Annotated[Policy, Meta(description="Whose replies are shown: to whom.")] = "list"
    exclusive: Annotated[bool, Meta(description="Who is in it is not at home.")] = False


class ListChange(Struct, kw_only=True):
    title: str | None = None
    replies_policy: Policy | None = None
    exclusive: bool | None = None


class MembersParams(Struct, kw_only=True):
    account_ids: Annotated[tuple[Id, ...], Meta(description="Whom; one has to follow them.")] = ()


class ListAccountsParams(AccountPaging, kw_only=True):
    limit: Annotated[int, Meta(description="How many at most; 0 is all that fit on a page.")] = 40

    @property
    def span(self) -> Span:
        return Span(self.max_id, self.since_id, self.min_id, clamped(self.limit or self.MOST, self.MOST))


def list_entity(chosen: UserList) -> ListEntity:
    return ListEntity(str(chosen.id), chosen.title, chosen.replies_policy.value, chosen.exclusive)


@api.get("/api/v1/lists", scope="read:lists", answer=list[ListEntity])
async def lists(microblog: Microblog, call: Call[Nothing]) -> list[ListEntity]:
    """One's lists, by title."""
    return [list_entity(each) for each in await microblog.lists.all(call.viewer)]


@api.post("/api/v1/lists", scope="write:lists", params=ListParams, answer=ListEntity)
async def create_list(microblog: Microblog, call: Call[ListParams]) -> ListEntity:
    """Make a list."""
    sent = call.params
    return list_entity(
        await microblog.lists.create(
            call.viewer,
            sent.title,
            replies_policy=RepliesPolicy(sent.replies_policy),
            exclusive=sent.exclusive,
        )
    )


@api.get("/api/v1/lists/<id>", scope="read:lists", answer=ListEntity)
async def one_list(microblog: Microblog, call: Call[Nothing]) -> ListEntity:
    """One of them."""
    return list_entity(await microblog.lists.by_id(call.viewer, call.id()))


@api.put("/api/v1/lists/<id>", scope="write:lists", params=ListChange, answer=ListEntity)
async def update_list(microblog: Microblog, call: Call[ListChange]) -> ListEntity:
    """Change a list."""
    sent = call.params
    return list_entity(
        await microblog.lists.update(
            call.viewer,
            call.id(),
            title=sent.title,
            replies_policy=RepliesPolicy(sent.replies_policy) if sent.replies_policy else None,
            exclusive=sent.exclusive,
        )
    )


@api.delete("/api/v1/lists/<id>", scope="write:lists")
async def delete_list(microblog: Microblog, call: Call[Nothing]) -> Nothing:
    """Delete a list; nobody is unfollowed."""
    await microblog.lists.delete(call.viewer, call.id())
    return Nothing()


@api.get(
    "/api/v1/lists/<id>/accounts",
    scope="read:lists",
    params=ListAccountsParams,
    answer=list[AccountEntity],
    paged=True,
)
async def list_accounts(microblog: Microblog, call: Call[ListAccountsParams]) -> Paged:
    """Who is in a list."""
    return call.paged_accounts(await microblog.lists.members(call.viewer, call.id(), call.params.span))


@api.post("/api/v1/lists/<id>/accounts", scope="write:lists", params=MembersParams)
async def add_to_list(microblog: Microblog, call: Call[MembersParams]) -> Nothing:
    """Put people in a list."""
    await microblog.lists.add(call.viewer, call.id(), call.params.account_ids)
    return Nothing()


@api.delete("/api/v1/lists/<id>/accounts", scope="write:lists", params=MembersParams)
async def remove_from_list(microblog: Microblog, call: Call[MembersParams]) -> Nothing:
    """Take people out of a list."""
    await microblog.lists.remove(call.viewer, call.id(), call.params.account_ids)
    return Nothing()


@api.get("/api/v1/accounts/<id>/lists", scope="read:lists", answer=list[ListEntity])
async def lists_with(microblog: Microblog, call: Call[Nothing]) -> list[ListEntity]:
    """Those of one's lists that somebody is in."""
    account = await microblog.accounts.by_id(call.id())
    return [list_entity(each) for each in await microblog.lists.with_member(call.viewer, account.id)]


@api.get(
    "/api/v1/timelines/list/<id>",
    scope="read:lists",
    params=Paging,
    answer=list[StatusEntity],
    paged=True,
)
async def list_timeline(microblog: Microblog, call: Call[Paging]) -> Paged:
    """What those in a list posted."""
    page = await microblog.lists.timeline(call.viewer, call.id(), call.params.span)
    return call.paged(page, await call.filtered_statuses(microblog, page.items, Context.HOME))
