"""The HTML pages of the website: one module per page or kind of form, each with its table of routes.

``TABLES`` lists the tables; the application binds them to its services.  What all pages share is in
``templates/base.html``, ``templates/partials``, ``facts`` and ``forms``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.web.html import (
    about,
    actions,
    admin,
    appearance,
    avatars,
    bookmarks,
    compose,
    conversations,
    email,
    explore,
    feeds,
    filters,
    home,
    invitations,
    lists,
    live,
    log_in,
    notification_policy,
    notifications,
    oauth,
    password,
    post,
    profile,
    public,
    relations,
    search,
    security,
    settings,
    sign_up,
    statistics,
    tag,
    tags,
    unsubscribe,
    wellknown,
)

if TYPE_CHECKING:
    from microblog.http.routing import Routes

_PAGES = (
    # to read
    public, home, profile, post, tag, search, notifications, bookmarks, about, statistics, avatars, feeds, live,
    wellknown,
    lists, conversations, explore,
    # to write
    sign_up, log_in, password, unsubscribe, compose, actions, relations, settings, security, email, oauth, invitations,
    admin, appearance, tags, filters, notification_policy,
)  # fmt: skip

TABLES: tuple[Routes, ...] = tuple(page.routes for page in _PAGES)
