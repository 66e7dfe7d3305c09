"""Accounts (what everyone sees) and users (what only they see): records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from microblog.domain.scopes import covers
from microblog.domain.visibility import Visibility


class Role(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"
    MODERATOR = "moderator"
    USER = "user"

    @property
    def moderates(self) -> bool:
        return self is not Role.USER

    @property
    def administers(self) -> bool:
        return self in (Role.OWNER, Role.ADMIN)


def usable_role(role: Role, *, by_token: bool) -> Role:
    """Return the role whose powers a request has: the account's own in a browser session, USER for an access token.

    No scope grants the powers of a role, so a token that may write posts must not delete the posts of others.
    """
    return Role.USER if by_token else role


class State(StrEnum):
    PENDING = "pending"  #: signed up, waits for approval
    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a profile: ``value`` as typed, ``html`` as shown."""

    name: str
    value: str
    html: str
    verified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """What everyone may know of somebody. ``domain`` is None for people of this site."""

    id: int
    name: str
    domain: str | None
    display_name: str
    bio: str  #: as typed
    bio_html: str  #: as shown, sanitised
    fields: tuple[Field, ...]
    locked: bool  #: follows wait for approval
    discoverable: bool  #: listed in the directory, offered by search
    bot: bool
    state: State
    created_at: datetime
    last_post_at: datetime | None
    posts_count: int
    followers_count: int
    following_count: int
    uri: str | None = None
    indexable: bool = True  #: everyone finds its public posts by searching for words
    noindex: bool = False  #: search engines are asked to leave its pages out
    hide_collections: bool = False  #: only the account itself sees its followers and whom it follows

    @property
    def address(self) -> str:
        """``bob`` here, ``bob@example.org`` elsewhere: what follows the @."""
        return self.name if self.domain is None else f"{self.name}@{self.domain}"

    @property
    def shown_name(self) -> str:
        return self.display_name or self.name

    @property
    def path(self) -> str:
        """The profile's path on this site."""
        return f"/@{self.address}"


@dataclass(frozen=True, slots=True)
class User:
    """What only its owner and the site's administrators know of a local account."""

    account_id: int
    email: str
    email_confirmed_at: datetime | None
    password_hash: str = field(repr=False)
    role: Role
    language: str | None  #: of the pages, and of new posts; None: the site's
    default_visibility: Visibility
    default_sensitive: bool
    mail_mentions: bool
    mail_replies: bool
    mail_follows: bool
    mail_boosts: bool
    mail_favourites: bool
    last_seen_at: datetime | None
    notifications_read_id: int  #: the newest notification that they have seen
    attribution_domains: tuple[str, ...] = ()  #: hosts whose pages may name the account as their author
    shortcuts: bool = True  #: single letters are keyboard shortcuts on the website
    email_pending: str | None = None  #: takes the place of ``email`` when it is confirmed

    @property
    def email_waiting(self) -> str | None:
        """The address that a link was sent to and that nobody has confirmed yet; None when there is none."""
        return self.email_pending or (self.email if self.email_confirmed_at is None else None)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: the account behind a session (browser) or a token (API, push port)."""

    account: Account
    role: Role  #: whose powers this request has (`usable_role`)
    session_id: int | None = None
    token_id: int | None = None
    scopes: frozenset[str] = frozenset({"read", "write", "follow"})
    unread: int = 0  #: notifications since the newest seen one, at most 100
    language: str | None = None
    default_visibility: Visibility = Visibility.PUBLIC
    default_sensitive: bool = False
    shortcuts: bool = True  #: single letters are keyboard shortcuts on the website
    approvals: int = 0  #: sign-ups that wait for a moderator, at most 100; 0 for others
    prolonged: bool = False  #: whether this request noted that the session goes on: its cookie is set anew
    until: datetime | None = None  #: when the token stops to stand for them; None: when somebody says so

    @property
    def id(self) -> int:
        return self.account.id

    def can(self, scope: str) -> bool:
        """Whether the token covers ``scope``; ``read:statuses`` is covered by ``read``."""
        return covers(self.scopes, scope)


@dataclass(frozen=True, slots=True)
class Relationship:
    """How the one who asks stands to ``account_id``."""

    account_id: int
    following: bool = False
    requested: bool = False
    followed_by: bool = False
    requested_by: bool = False
    blocking: bool = False
    blocked_by: bool = False
    muting: bool = False
    muting_notifications: bool = False
    show_boosts: bool = True
    notify: bool = False
    note: str = ""  #: what they wrote down about them, for themselves
    endorsed: bool = False  #: shown on their profile
    muted_until: datetime | None = None  #: when the mute ends; None: not muted, or muted for good


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is logged in."""

    id: int
    created_at: datetime
    seen_at: datetime
    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Token:
    """A program's access token, without the secret itself, which only its maker saw, once."""

    id: int
    account_id: int
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link that lets somebody sign up. ``expires_at`` None: it stays until its uses are up."""

    id: int
    code: str
    created_at: datetime
    expires_at: datetime | None
    uses_left: int

    @property
    def path(self) -> str:
        """The link's path on this site."""
        return f"/join/{self.code}"
