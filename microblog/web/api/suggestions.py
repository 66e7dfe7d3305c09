"""Endpoints of suggested accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from microblog.mastodon.entities import AccountEntity
from microblog.web.api.endpoint import Api, Call, Nothing, clamped

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.suggestions", "Accounts")


class SuggestionsParams(Struct, kw_only=True):
    limit: Annotated[int, Meta(description="How many at most; above 80 it is 80.")] = 40


class SuggestionEntity(Struct, frozen=True):
    """Somebody, and why: ``source`` is version 1 of the reason, ``sources`` the current one."""

    source: str
    sources: tuple[str, ...]
    account: AccountEntity


@api.get(
    "/api/v2/suggestions", scope="read:accounts", params=SuggestionsParams, answer=list[SuggestionEntity]
)
async def suggestions(microblog: Microblog, call: Call[SuggestionsParams]) -> list[SuggestionEntity]:
    """Whom those follow whom one follows, then whom many follow."""
    found = await microblog.trends.suggestions(call.viewer, limit=clamped(call.params.limit, 80))
    return [
        SuggestionEntity(
            "past_interactions" if each.friends else "global", (each.reason,), call.account(each.account)
        )
        for each in found
    ]


@api.get(
    "/api/v1/suggestions",
    scope="read:accounts",
    params=SuggestionsParams,
    answer=list[AccountEntity],
    deprecated=True,
)
async def suggestions_v1(microblog: Microblog, call: Call[SuggestionsParams]) -> list[AccountEntity]:
    """The same, without the reasons."""
    found = await microblog.trends.suggestions(call.viewer, limit=clamped(call.params.limit, 80))
    return call.accounts(each.account for each in found)


@api.delete("/api/v1/suggestions/<id>", scope="write:accounts")
async def dismiss_suggestion(microblog: Microblog, call: Call[Nothing]) -> Nothing:
    """Never suggest them again."""
    await microblog.trends.dismiss(call.viewer, call.id())
    return Nothing()
