"""Markers: how far somebody has read a timeline, for all their programs to agree on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MarkedTimeline(StrEnum):
    HOME = "home"
    NOTIFICATIONS = "notifications"


@dataclass(frozen=True, slots=True)
class Marker:
    """``version`` grows with each change."""

    timeline: MarkedTimeline
    last_read_id: int
    version: int
    updated_at: datetime
