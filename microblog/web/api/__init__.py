"""The REST API: the Mastodon client protocol. One module a noun, each with its ``api`` of endpoints.

``APIS`` has all of them, ``TABLES`` their routes, for the application to bind. ``endpoint`` explains the declarations,
``parameters`` reads requests, ``openapi`` describes the API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.web.api import (
    accounts,
    conversations,
    description,
    directory,
    endorsements,
    filters,
    instance,
    lists,
    markers,
    notification_policy,
    notifications,
    notifications_v2,
    oauth,
    pins,
    preferences,
    reactions,
    relations,
    scheduled,
    search,
    sign_up,
    statuses,
    suggestions,
    tags,
    timelines,
    trends,
)

if TYPE_CHECKING:
    from microblog.http.routing import Routes
    from microblog.web.api.endpoint import Api

_MODULES: Final = (
    oauth, instance, sign_up,
    # accounts
    accounts, relations,
    # posts
    statuses, scheduled, reactions, timelines, notifications, search,
    # the viewer's choices
    lists, tags, filters, markers, conversations, pins, endorsements, notifications_v2, notification_policy,
    preferences,
    # discovery
    trends, directory, suggestions,
)  # fmt: skip

APIS: Final[tuple[Api, ...]] = tuple(module.api for module in _MODULES)

TABLES: Final[tuple[Routes, ...]] = (*(api.routes for api in APIS), description.routes(APIS))
