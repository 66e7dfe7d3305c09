"""The website for people: one module a page or a kind of form, each with its table of routes.

``tables`` gathers them.  What every page shares is in ``templates/base.html``, ``templates/partials`` and ``facts``.
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
    log_in,
    notifications,
    password,
    post,
    profile,
    public,
    relations,
    search,
    security,
    settings,
    sign_up,
    tag,
    wellknown,
)

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog
    from microblog.web.routing import BoundRoutes

PAGES = (
    # to read
    public, home, profile, post, tag, search, notifications, bookmarks, about, avatars, feeds, wellknown,
    # to write
    sign_up, log_in, password, compose, actions, relations, settings, security, invitations, admin, appearance,
)  # fmt: skip


def tables(microblog: Microblog) -> list[BoundRoutes]:
    """Every page's table of routes, over ``microblog``."""
    return [page.routes.bind(microblog) for page in PAGES]
