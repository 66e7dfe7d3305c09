"""Markers: the position up to which an account has read a timeline, shared by all its clients."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MarkedTimeline(StrEnum):
    """A timeline that has a marker."""

    HOME = "home"
    NOTIFICATIONS = "notifications"


@dataclass(frozen=True, slots=True)
class Marker:
    """A read position. ``version`` increases with each change."""

    timeline: MarkedTimeline
    last_read_id: int
    version: int
    updated_at: datetime
