"""Endpoints of endorsements on profiles and of private notes about accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from microblog.mastodon.entities import AccountEntity
from microblog.web.api.endpoint import AccountPaging, Api, Call, Nothing, Paged
from microblog.web.api.relations import RelationshipEntity, relationship

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.endorsements", "Relationships")


class NoteParams(Struct, kw_only=True):
    comment: Annotated[str, Meta(description="Nothing takes the note away.")] = ""


@api.get(
    "/api/v1/endorsements",
    scope="read:accounts",
    params=AccountPaging,
    answer=list[AccountEntity],
    paged=True,
)
async def endorsements(microblog: Microblog, call: Call[AccountPaging]) -> Paged:
    """Whom one shows on one's profile."""
    return call.paged_accounts(await microblog.endorsements.of(call.viewer, call.viewer.id, call.params.span))


@api.get(
    "/api/v1/accounts/<id>/endorsements",
    viewer="optional",
    scope="read:accounts",
    params=AccountPaging,
    answer=list[AccountEntity],
    paged=True,
)
async def endorsements_of(microblog: Microblog, call: Call[AccountPaging]) -> Paged:
    """Whom somebody shows on their profile."""
    return call.paged_accounts(
        await microblog.endorsements.of(call.viewer_or_none, call.id(), call.params.span)
    )


@api.post(
    "/api/v1/accounts/<id>/pin",
    "/api/v1/accounts/<id>/endorse",
    scope="write:accounts",
    answer=RelationshipEntity,
)
async def endorse(microblog: Microblog, call: Call[Nothing]) -> RelationshipEntity:
    """Show somebody whom one follows on one's profile."""
    return relationship(await microblog.endorsements.endorse(call.viewer, call.id()))


@api.post(
    "/api/v1/accounts/<id>/unpin",
    "/api/v1/accounts/<id>/unendorse",
    scope="write:accounts",
    answer=RelationshipEntity,
)
async def unendorse(microblog: Microblog, call: Call[Nothing]) -> RelationshipEntity:
    """No longer."""
    return relationship(await microblog.endorsements.withdraw(call.viewer, call.id()))


@api.post("/api/v1/accounts/<id>/note", scope="write:accounts", params=NoteParams, answer=RelationshipEntity)
async def note(microblog: Microblog, call: Call[NoteParams]) -> RelationshipEntity:
    """Write something down about somebody, for oneself."""
    return relationship(await microblog.endorsements.note(call.viewer, call.id(), call.params.comment))
