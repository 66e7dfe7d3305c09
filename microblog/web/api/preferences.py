"""The endpoint of preferences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from microblog.mastodon.entities import VISIBILITIES
from microblog.web.api.endpoint import Api, Call, Nothing

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.preferences", "Accounts")


class PreferencesEntity(Struct, frozen=True):
    """Preferences that programs heed. Warnings stay folded, and there are no media."""

    visibility: str = field(name="posting:default:visibility")
    sensitive: bool = field(name="posting:default:sensitive")
    language: str | None = field(name="posting:default:language")
    media: str = field(name="reading:expand:media", default="default")
    spoilers: bool = field(name="reading:expand:spoilers", default=False)
    gifs: bool = field(name="reading:autoplay:gifs", default=False)


@api.get("/api/v1/preferences", scope="read:accounts", answer=PreferencesEntity)
async def preferences(microblog: Microblog, call: Call[Nothing]) -> PreferencesEntity:
    """One's preferences; they are changed on the website, or with `update_credentials`."""
    viewer = call.viewer
    return PreferencesEntity(
        VISIBILITIES[viewer.default_visibility], viewer.default_sensitive, viewer.language
    )
