"""The viewer's settings: profile, preferences, and the accounts that the viewer blocks or mutes."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from microblog.domain.errors import InvalidInput
from microblog.domain.validation import MAX_PROFILE_FIELDS
from microblog.domain.visibility import Visibility
from microblog.http.forms import FormState
from microblog.http.responses import Response
from microblog.http.routing import Routes
from microblog.web.html.forms import redirect, submits
from microblog.web.html.paging import span_of

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("settings")

_PROFILE_FLAGS: Final = ("locked", "discoverable", "indexable", "noindex", "hide_collections", "bot")
_PROFILE_FIELDS: Final = tuple(
    (f"field_name_{number}", f"field_value_{number}") for number in range(1, MAX_PROFILE_FIELDS + 1)
)
_MAIL_FLAGS: Final = ("mail_mentions", "mail_replies", "mail_follows", "mail_boosts", "mail_favourites")
_PREFERENCE_FLAGS: Final = ("default_sensitive", "shortcuts", *_MAIL_FLAGS)


def _ticked(record: object, flags: tuple[str, ...]) -> dict[str, str]:
    """Return the values of check boxes for attributes of ``record``."""
    return {name: "on" if getattr(record, name) else "" for name in flags}


async def _profile_page(
    _microblog: Microblog, request: Request, state: FormState, *, status: int = 200
) -> Response:
    pairs = [(state.value(name), state.value(value)) for name, value in _PROFILE_FIELDS]
    return request.render("pages/settings_profile.html", form=state, pairs=pairs, status=status)


@routes.get("/settings", viewer="required")
async def profile_form(microblog: Microblog, request: Request) -> Response:
    """Show the form to change your profile."""
    account = request.require_viewer().account
    values = {"display_name": account.display_name, "bio": account.bio, **_ticked(account, _PROFILE_FLAGS)}
    for (name, value), field in zip(_PROFILE_FIELDS, account.fields, strict=False):
        values |= {name: field.name, value: field.value}
    return await _profile_page(microblog, request, FormState(values))


@routes.post("/settings", viewer="required")
@submits(_profile_page, "display_name", "bio", "fields", *_PROFILE_FLAGS, *chain(*_PROFILE_FIELDS))
async def save_profile(microblog: Microblog, request: Request, state: FormState) -> Response:
    """Change your profile."""
    pairs = [(state.value(name), state.value(value)) for name, value in _PROFILE_FIELDS]
    await microblog.profiles.update(
        request.require_viewer(),
        display_name=state.value("display_name"),
        bio=state.value("bio"),
        fields=[pair for pair in pairs if pair[0].strip() or pair[1].strip()],
        **{name: request.form.flag(name) for name in _PROFILE_FLAGS},
    )
    return redirect(request, "/settings", "Your profile is saved.")


async def _preferences_page(
    microblog: Microblog, request: Request, state: FormState, *, status: int = 200
) -> Response:
    user = await microblog.accounts.user(request.require_viewer())
    return request.render("pages/settings_preferences.html", form=state, user=user, status=status)


@routes.get("/settings/preferences", viewer="required")
async def preferences_form(microblog: Microblog, request: Request) -> Response:
    """Show the defaults of your posts and what you get mail about."""
    user = await microblog.accounts.user(request.require_viewer())
    values = {"language": user.language or "", "default_visibility": user.default_visibility.value}
    return await _preferences_page(
        microblog, request, FormState({**values, **_ticked(user, _PREFERENCE_FLAGS)})
    )


@routes.post("/settings/preferences", viewer="required")
@submits(_preferences_page, "language", "default_visibility", *_PREFERENCE_FLAGS)
async def save_preferences(microblog: Microblog, request: Request, state: FormState) -> Response:
    """Change your preferences."""
    visibility = state.value("default_visibility")
    if visibility not in set(Visibility):
        raise InvalidInput("Choose who may see your posts.", "default_visibility")
    await microblog.profiles.update_preferences(
        request.require_viewer(),
        language=state.value("language") or None,
        default_visibility=Visibility(visibility),
        **{name: request.form.flag(name) for name in _PREFERENCE_FLAGS},
    )
    return redirect(request, "/settings/preferences", "Your preferences are saved.")


@routes.get("/settings/blocks", viewer="required")
async def blocks(microblog: Microblog, request: Request) -> Response:
    """Show the accounts you block."""
    page = await microblog.follows.blocks(request.require_viewer(), span_of(request))
    return request.render("pages/settings_blocks.html", page=page, kind="blocks")


@routes.get("/settings/mutes", viewer="required")
async def mutes(microblog: Microblog, request: Request) -> Response:
    """Show the accounts you mute."""
    page = await microblog.follows.mutes(request.require_viewer(), span_of(request))
    return request.render("pages/settings_blocks.html", page=page, kind="mutes")
