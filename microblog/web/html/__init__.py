"""The website for people: one module a page or a kind of form, each with its table of routes.

``TABLES`` is all of them; the application binds them to its services.  What every page shares is in
``templates/base.html``, ``templates/partials`` and ``facts``.
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
    feeds,
    home,
    invitations,
    live,
    log_in,
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
    unsubscribe,
    wellknown,
)

if TYPE_CHECKING:
    from microblog.web.routing import Routes

_PAGES = (
    # to read
    public, home, profile, post, tag, search, notifications, bookmarks, about, statistics, avatars, feeds, live,
    wellknown,
    # to write
    sign_up, log_in, password, unsubscribe, compose, actions, relations, settings, security, oauth, invitations, admin,
    appearance,
)  # fmt: skip

TABLES: tuple[Routes, ...] = tuple(page.routes for page in _PAGES)
