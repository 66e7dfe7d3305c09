"""What one sets for oneself: profile, preferences, and whom one has blocked or muted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from microblog.domain.accounts import User
from microblog.domain.errors import InvalidInput
from microblog.domain.validation import MAX_PROFILE_FIELDS
from microblog.domain.visibility import Visibility
from microblog.http.forms import Fields, FormState
from microblog.http.responses import Redirect, Response
from microblog.http.routing import Routes
from microblog.web.html.paging import span_of

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("settings")

_PROFILE_CHECKS: Final = ("locked", "discoverable", "indexable", "noindex", "hide_collections", "bot")
_MAILS: Final = ("mail_mentions", "mail_replies", "mail_follows", "mail_boosts", "mail_favourites")


@routes.get("/settings", viewer="required")
async def profile_form(_microblog: Microblog, request: Request) -> Response:
    """One's profile, to be changed."""
    account = request.require_viewer().account
    values = {"display_name": account.display_name, "bio": account.bio}
    for name in _PROFILE_CHECKS:
        values[name] = "on" if getattr(account, name) else ""
    pairs = [(field.name, field.value) for field in account.fields]
    return _profile_page(request, FormState(values), pairs)


@routes.post("/settings", viewer="required")
async def save_profile(microblog: Microblog, request: Request) -> Response:
    """Change one's profile."""
    sent = request.form
    pairs = _profile_fields(sent)
    state = FormState({**sent.texts("display_name", "bio", *_PROFILE_CHECKS), "fields": ""})
    try:
        await microblog.profiles.update(
            request.require_viewer(),
            display_name=sent.text("display_name"),
            bio=sent.text("bio"),
            fields=[pair for pair in pairs if pair[0].strip() or pair[1].strip()],
            locked=sent.flag("locked"),
            discoverable=sent.flag("discoverable"),
            bot=sent.flag("bot"),
            indexable=sent.flag("indexable"),
            noindex=sent.flag("noindex"),
            hide_collections=sent.flag("hide_collections"),
        )
    except InvalidInput as error:
        return _profile_page(request, state.with_error(error), pairs, status=422)
    request.flash("Your profile is saved.")
    return Redirect("/settings")


def _profile_fields(sent: Fields) -> list[tuple[str, str]]:
    return [
        (sent.text(f"field_name_{number}"), sent.text(f"field_value_{number}"))
        for number in range(1, MAX_PROFILE_FIELDS + 1)
    ]


def _profile_page(
    request: Request, state: FormState, pairs: Sequence[tuple[str, str]], *, status: int = 200
) -> Response:
    shown = [*pairs, *[("", "")] * MAX_PROFILE_FIELDS][:MAX_PROFILE_FIELDS]
    return request.render("pages/settings_profile.html", form=state, pairs=shown, status=status)


@routes.get("/settings/preferences", viewer="required")
async def preferences_form(microblog: Microblog, request: Request) -> Response:
    """What new posts begin with, and what one gets mail about."""
    user = await microblog.accounts.user(request.require_viewer())
    return _preferences_page(request, FormState(_preferences(user)), user)


@routes.post("/settings/preferences", viewer="required")
async def save_preferences(microblog: Microblog, request: Request) -> Response:
    """Change them."""
    viewer = request.require_viewer()
    sent = request.form
    state = FormState(sent.texts("language", "default_visibility", "default_sensitive", "shortcuts", *_MAILS))
    try:
        visibility = state.value("default_visibility")
        if visibility not in set(Visibility):
            raise InvalidInput("Choose who may see your posts.", "default_visibility")
        await microblog.profiles.update_preferences(
            viewer,
            language=sent.text("language") or None,
            default_visibility=Visibility(visibility),
            default_sensitive=sent.flag("default_sensitive"),
            shortcuts=sent.flag("shortcuts"),
            mail_mentions=sent.flag("mail_mentions"),
            mail_replies=sent.flag("mail_replies"),
            mail_follows=sent.flag("mail_follows"),
            mail_boosts=sent.flag("mail_boosts"),
            mail_favourites=sent.flag("mail_favourites"),
        )
    except InvalidInput as error:
        user = await microblog.accounts.user(viewer)
        return _preferences_page(request, state.with_error(error), user, status=422)
    request.flash("Your preferences are saved.")
    return Redirect("/settings/preferences")


def _preferences(user: User) -> dict[str, str]:
    values = {"language": user.language or "", "default_visibility": user.default_visibility.value}
    for name in ("default_sensitive", "shortcuts", *_MAILS):
        values[name] = "on" if getattr(user, name) else ""
    return values


def _preferences_page(request: Request, state: FormState, user: User, *, status: int = 200) -> Response:
    return request.render("pages/settings_preferences.html", form=state, user=user, status=status)


@routes.get("/settings/blocks", viewer="required")
async def blocks(microblog: Microblog, request: Request) -> Response:
    """Whom one has blocked."""
    page = await microblog.follows.blocks(request.require_viewer(), span_of(request))
    return request.render("pages/settings_blocks.html", page=page, kind="blocks")


@routes.get("/settings/mutes", viewer="required")
async def mutes(microblog: Microblog, request: Request) -> Response:
    """Whom one has muted."""
    page = await microblog.follows.mutes(request.require_viewer(), span_of(request))
    return request.render("pages/settings_blocks.html", page=page, kind="mutes")
