"""Endpoints that describe the site: its name, rules, software, limits and features.

Media, polls, custom emojis and translation do not exist here, so their limits are zero or missing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from html import escape
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from microblog import __version__
from microblog.domain.language import LANGUAGES
from microblog.domain.paragraphs import split_paragraphs
from microblog.domain.text import LINK_LENGTH
from microblog.domain.validation import MAX_PROFILE_FIELDS
from microblog.mastodon.entities import AccountEntity, timestamp
from microblog.web.api.endpoint import Api, Call, Nothing

if TYPE_CHECKING:
    from microblog.config.load import Config
    from microblog.services.microblog import Microblog

api = Api("api.instance", "Instance")

#: Clients read three numbers from the start as the Mastodon version that the site is compatible with.
VERSION: Final = f"4.4.0 (compatible; Microblog {__version__})"
#: The API version of Mastodon that newer clients check. 6 came with 4.4; 7 came with 4.5 and promises quotes, which
#: this site does not have.
API_VERSIONS: Final = {"mastodon": 6}
WEEKS: Final = 12


class Urls(Struct, frozen=True):
    streaming_api: str


class Stats(Struct, frozen=True):
    user_count: int
    status_count: int
    domain_count: int


class AccountLimits(Struct, frozen=True):
    max_featured_tags: int
    max_pinned_statuses: int
    max_profile_fields: int


class StatusLimits(Struct, frozen=True):
    max_characters: int
    max_media_attachments: int
    characters_reserved_per_url: int


class MediaLimits(Struct, frozen=True):
    supported_mime_types: tuple[str, ...] = ()
    image_size_limit: int = 0
    image_matrix_limit: int = 0
    video_size_limit: int = 0
    video_frame_rate_limit: int = 0
    video_matrix_limit: int = 0
    description_limit: int = 0


class PollLimits(Struct, frozen=True):
    max_options: int = 0
    max_characters_per_option: int = 0
    min_expiration: int = 0
    max_expiration: int = 0


class Configuration(Struct, frozen=True):
    """The limits of version 1."""

    accounts: AccountLimits
    statuses: StatusLimits
    media_attachments: MediaLimits
    polls: PollLimits


class Rule(Struct, frozen=True):
    id: str
    text: str
    hint: str


class InstanceV1(Struct, frozen=True):
    """The site, as older programs know it."""

    uri: str
    title: str
    short_description: str
    description: str
    email: str
    version: str
    urls: Urls
    stats: Stats
    thumbnail: str | None
    languages: tuple[str, ...]
    registrations: bool
    approval_required: bool
    invites_enabled: bool
    configuration: Configuration
    contact_account: AccountEntity | None
    rules: tuple[Rule, ...] = ()


class UrlsV2(Struct, frozen=True):
    streaming: str
    about: str
    status: None = None
    privacy_policy: str | None = None
    terms_of_service: None = None


class Switch(Struct, frozen=True):
    enabled: bool


class TimelinesAccess(Struct, frozen=True):
    local: str
    remote: str


class TimelinesAccesses(Struct, frozen=True):
    """Who may read: "public" is everyone."""

    live_feeds: TimelinesAccess
    hashtag_feeds: TimelinesAccess


class ConfigurationV2(Struct, frozen=True):
    urls: UrlsV2
    accounts: AccountLimits
    statuses: StatusLimits
    media_attachments: MediaLimits
    polls: PollLimits
    translation: Switch
    timelines_access: TimelinesAccesses
    limited_federation: bool = False


class ActiveUsers(Struct, frozen=True):
    active_month: int


class Usage(Struct, frozen=True):
    users: ActiveUsers


class Thumbnail(Struct, frozen=True):
    url: str
    blurhash: None = None
    versions: dict[str, str] = {}


class Registrations(Struct, frozen=True):
    enabled: bool
    approval_required: bool
    reason_required: bool
    message: str | None
    min_age: None = None
    url: str | None = None


class Contact(Struct, frozen=True):
    email: str
    account: AccountEntity | None


class InstanceV2(Struct, frozen=True):
    """The site."""

    domain: str
    title: str
    version: str
    source_url: str
    description: str
    usage: Usage
    thumbnail: Thumbnail
    languages: tuple[str, ...]
    configuration: ConfigurationV2
    registrations: Registrations
    contact: Contact
    api_versions: dict[str, int]
    icon: tuple[()] = ()
    rules: tuple[Rule, ...] = ()


class Week(Struct, frozen=True):
    """What happened in a week; its beginning in seconds since 1970. All are texts, as in Mastodon."""

    week: str
    statuses: str
    logins: str
    registrations: str


class ExtendedDescription(Struct, frozen=True):
    updated_at: str
    content: str


class PrivacyPolicy(Struct, frozen=True):
    """What the operator does with people's data, as HTML."""

    updated_at: str
    content: str


_POLLS: Final = PollLimits()


def _accounts() -> AccountLimits:
    return AccountLimits(max_featured_tags=10, max_pinned_statuses=5, max_profile_fields=MAX_PROFILE_FIELDS)


def _statuses(config: Config) -> StatusLimits:
    return StatusLimits(config.post_length, 0, LINK_LENGTH)


def _streaming(config: Config) -> str:
    return "ws" + config.public_url.removeprefix("http")


def _contact(config: Config) -> str:
    """Return the contact address, or else the sender address of the site's mail."""
    if config.contact_email is not None:
        return config.contact_email
    return config.mail_from.rpartition("<")[2].rstrip(">") if "<" in config.mail_from else config.mail_from


def _rules(config: Config) -> tuple[Rule, ...]:
    return tuple(Rule(str(number), text, "") for number, text in enumerate(config.rules, 1))


def _paragraphs(text: str) -> str:
    """Return plain text as HTML. Blank lines separate paragraphs."""
    return "".join(f"<p>{escape(part)}</p>" for part in split_paragraphs(text))


@api.get("/api/v1/instance", viewer="none", public=True, answer=InstanceV1, deprecated=True)
async def instance_v1(microblog: Microblog, call: Call[Nothing]) -> InstanceV1:
    """The site, as older programs know it."""
    config = microblog.config
    facts = await microblog.about.facts()
    return InstanceV1(
        uri=config.netloc,
        title=config.site_name,
        short_description=escape(config.site_description),
        description=escape(config.site_description),
        email=_contact(config),
        version=VERSION,
        urls=Urls(_streaming(config)),
        stats=Stats(facts.people, facts.posts, 1),
        thumbnail=f"{config.public_url}/static/header.svg",
        languages=config.languages,
        registrations=config.registration in ("open", "approval"),
        approval_required=config.registration == "approval",
        invites_enabled=config.registration != "closed",
        configuration=Configuration(_accounts(), _statuses(config), MediaLimits(), _POLLS),
        contact_account=call.account(facts.contact) if facts.contact else None,
        rules=_rules(config),
    )


@api.get("/api/v2/instance", viewer="none", public=True, answer=InstanceV2)
async def instance_v2(microblog: Microblog, call: Call[Nothing]) -> InstanceV2:
    """The site: what it is called, what runs here, what it can do, how one joins."""
    config = microblog.config
    facts = await microblog.about.facts()
    everyone = TimelinesAccess("public", "public")
    return InstanceV2(
        domain=config.netloc,
        title=config.site_name,
        version=VERSION,
        source_url=config.source_url or f"{config.public_url}/about",
        description=escape(config.site_description),
        usage=Usage(ActiveUsers(facts.active_month)),
        thumbnail=Thumbnail(f"{config.public_url}/static/header.svg"),
        languages=config.languages,
        configuration=ConfigurationV2(
            UrlsV2(
                _streaming(config),
                f"{config.public_url}/about",
                privacy_policy=f"{config.public_url}/about#privacy" if config.privacy_policy else None,
            ),
            _accounts(),
            _statuses(config),
            MediaLimits(),
            _POLLS,
            Switch(enabled=False),
            TimelinesAccesses(everyone, everyone),
        ),
        registrations=Registrations(
            enabled=config.registration in ("open", "approval"),
            approval_required=config.registration == "approval",
            reason_required=False,
            message=None
            if config.registration in ("open", "approval")
            else "New members come by invitation."
            if config.registration == "invitation"
            else "This site takes no new members.",
            url=f"{config.public_url}/signup",
        ),
        contact=Contact(_contact(config), call.account(facts.contact) if facts.contact else None),
        api_versions=API_VERSIONS,
        rules=_rules(config),
    )


@api.get("/api/v1/instance/rules", viewer="none", public=True, answer=list[Rule])
async def rules(microblog: Microblog, call: Call[Nothing]) -> list[Rule]:
    """List the rules of the site."""
    return list(_rules(microblog.config))


@api.get("/api/v1/instance/privacy_policy", viewer="none", public=True, answer=PrivacyPolicy)
async def privacy_policy(microblog: Microblog, call: Call[Nothing]) -> PrivacyPolicy:
    """Get the privacy policy of the site, as HTML; empty when it has none."""
    return PrivacyPolicy(timestamp(microblog.configured_at), _paragraphs(microblog.config.privacy_policy))


@api.get("/api/v1/instance/peers", viewer="none", public=True, answer=list[str])
async def peers(microblog: Microblog, call: Call[Nothing]) -> list[str]:
    """Other sites that this one knows: none, as it does not federate."""
    return []


@api.get("/api/v1/instance/activity", viewer="none", public=True, answer=list[Week])
async def activity(microblog: Microblog, call: Call[Nothing]) -> list[Week]:
    """What happened in the last twelve weeks, the current one first."""
    summary = await microblog.statistics.summary(WEEKS * 7)
    monday = _monday(summary.today.day)
    found = []
    for number in range(WEEKS):
        begin = monday - timedelta(weeks=number)
        days = [each for each in summary.days if begin <= each.day < begin + timedelta(weeks=1)]
        counts = [
            str(sum(each.values.get(measure, 0) for each in days))
            for measure in ("posts", "active", "sign_ups")
        ]
        found.append(Week(str(int(datetime.combine(begin, time(), UTC).timestamp())), *counts))
    return found


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


@api.get("/api/v1/instance/extended_description", viewer="none", public=True, answer=ExtendedDescription)
async def extended_description(microblog: Microblog, call: Call[Nothing]) -> ExtendedDescription:
    """Get a longer description of the site, as HTML: what it is and who runs it."""
    config = microblog.config
    operator = f"Run by {config.operator}" if config.operator else ""
    return ExtendedDescription(
        timestamp(microblog.configured_at), _paragraphs(f"{config.site_description}\n\n{operator}")
    )


@api.get("/api/v1/instance/languages", viewer="none", public=True, answer=list[dict[str, str]])
async def languages(microblog: Microblog, call: Call[Nothing]) -> list[dict[str, str]]:
    """The languages that posts can be marked as."""
    return [{"code": each.code, "name": each.english} for each in LANGUAGES]


@api.get("/api/v1/instance/domain_blocks", viewer="none", public=True, answer=list[Nothing])
async def instance_domain_blocks(microblog: Microblog, call: Call[Nothing]) -> list[Nothing]:
    """List the sites that this site blocks: none, as it talks to no other sites."""
    return []


@api.get("/api/v1/instance/translation_languages", viewer="none", public=True, answer=dict[str, list[str]])
async def translation_languages(microblog: Microblog, call: Call[Nothing]) -> dict[str, list[str]]:
    """List the languages that posts can be translated between: none."""
    return {}


@api.get("/api/v1/custom_emojis", viewer="none", public=True, answer=list[Nothing])
async def custom_emojis(microblog: Microblog, call: Call[Nothing]) -> list[Nothing]:
    """The site's own emojis; it has none."""
    return []


@api.get("/api/v1/announcements", answer=list[Nothing])
async def announcements(microblog: Microblog, call: Call[Nothing]) -> list[Nothing]:
    """What the people who run the site announce; nothing."""
    return []
