"""Endpoints of markers: the read positions of timelines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from microblog.domain.markers import MarkedTimeline, Marker
from microblog.mastodon import entities
from microblog.web.api.endpoint import Api, Call, Id

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.markers", "Timelines")


class MarkerEntity(Struct, frozen=True):
    """How far one has read a timeline."""

    last_read_id: str
    version: int
    updated_at: str


class MarkersEntity(Struct, frozen=True, omit_defaults=True):
    """Those that were set."""

    home: MarkerEntity | UnsetType = UNSET
    notifications: MarkerEntity | UnsetType = UNSET


class MarkersParams(Struct, kw_only=True):
    timeline: Annotated[
        tuple[Literal["home", "notifications"], ...], Meta(description="Which; nothing is all.")
    ] = ()


class MarkerChange(Struct, kw_only=True):
    last_read_id: Id


class MarkersChange(Struct, kw_only=True):
    home: MarkerChange | None = None
    notifications: MarkerChange | None = None


def _entity(markers: Iterable[Marker]) -> MarkersEntity:
    found = {
        each.timeline.value: MarkerEntity(
            str(each.last_read_id), each.version, entities.timestamp(each.updated_at)
        )
        for each in markers
    }
    return MarkersEntity(**found)


@api.get("/api/v1/markers", scope="read:statuses", params=MarkersParams, answer=MarkersEntity)
async def markers(microblog: Microblog, call: Call[MarkersParams]) -> MarkersEntity:
    """How far one has read."""
    wanted = [MarkedTimeline(each) for each in call.params.timeline] or list(MarkedTimeline)
    return _entity(await microblog.markers.of(call.viewer, wanted))


@api.post("/api/v1/markers", scope="write:statuses", params=MarkersChange, answer=MarkersEntity)
async def set_markers(microblog: Microblog, call: Call[MarkersChange]) -> MarkersEntity:
    """Say so."""
    sent = {
        MarkedTimeline.HOME: call.params.home,
        MarkedTimeline.NOTIFICATIONS: call.params.notifications,
    }
    positions = {name: each.last_read_id for name, each in sent.items() if each is not None}
    if (read := positions.get(MarkedTimeline.NOTIFICATIONS)) is not None:
        positions[MarkedTimeline.NOTIFICATIONS] = await microblog.notifications.position(call.viewer, read)
    return _entity(await microblog.markers.set(call.viewer, positions))
