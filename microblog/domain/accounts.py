"""Records of accounts (public) and users (private): viewers, relationships, sessions, tokens, invitations."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from microblog.domain.scopes import covers
from microblog.domain.visibility import Visibility


class Role(StrEnum):
    """The role of an account on the site."""

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
    """Whether an account may be used."""

    PENDING = "pending"  #: signed up, awaits approval
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
    """The public record of an account. ``domain`` is None for accounts of this site."""

    id: int
    name: str
    domain: str | None
    display_name: str
    bio: str  #: as typed
    bio_html: str  #: as shown, sanitised
    fields: tuple[Field, ...]
    locked: bool  #: follows need the owner's approval
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
    hide_collections: bool = False  #: only the account itself sees its followers and the accounts it follows

    @property
    def address(self) -> str:
        """The name after the @: ``bob`` for this site, ``bob@example.org`` for others."""
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
    """The private record of a local account, for its owner and the administrators of the site."""

    account_id: int
    email: str
    email_confirmed_at: datetime | None
    password_hash: str = field(repr=False)
    role: Role
    language: str | None  #: of pages and new posts; None: the language of the site
    default_visibility: Visibility
    default_sensitive: bool
    mail_mentions: bool
    mail_replies: bool
    mail_follows: bool
    mail_boosts: bool
    mail_favourites: bool
    last_seen_at: datetime | None
    notifications_read_id: int  #: the newest notification that the owner has seen
    attribution_domains: tuple[str, ...] = ()  #: hosts whose pages may name the account as their author
    shortcuts: bool = True  #: single letters are keyboard shortcuts on the website
    email_pending: str | None = None  #: replaces ``email`` when it is confirmed

    @property
    def email_waiting(self) -> str | None:
        """The address that awaits confirmation, or None."""
        return self.email_pending or (self.email if self.email_confirmed_at is None else None)


@dataclass(frozen=True, slots=True)
class Viewer:
    """The authenticated account of a request, by a session (browser) or a token (API, push port)."""

    account: Account
    role: Role  #: the powers of this request (`usable_role`)
    session_id: int | None = None
    token_id: int | None = None
    scopes: frozenset[str] = frozenset({"read", "write", "follow"})
    unread: int = 0  #: unseen notifications, at most 100
    language: str | None = None
    default_visibility: Visibility = Visibility.PUBLIC
    default_sensitive: bool = False
    shortcuts: bool = True  #: single letters are keyboard shortcuts on the website
    approvals: int = 0  #: sign-ups that await approval, at most 100; 0 unless the viewer moderates
    prolonged: bool = False  #: this request prolonged the session, so its cookie is set again
    until: datetime | None = None  #: when the token expires; None: not before it is revoked

    @property
    def id(self) -> int:
        return self.account.id

    def can(self, scope: str) -> bool:
        """Whether the token covers ``scope``; ``read:statuses`` is covered by ``read``."""
        return covers(self.scopes, scope)


@dataclass(frozen=True, slots=True)
class Relationship:
    """The relationship of the viewer to ``account_id``."""

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
    note: str = ""  #: the viewer's private note about the account
    endorsed: bool = False  #: shown on the viewer's profile
    muted_until: datetime | None = None  #: when the mute ends; None: not muted, or muted for good


@dataclass(frozen=True, slots=True)
class Session:
    """The session of a logged-in browser."""

    id: int
    created_at: datetime
    seen_at: datetime
    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, without its secret, which is shown once, when the token is created."""

    id: int
    account_id: int
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link for signing up. If ``expires_at`` is None, it is valid until its uses are spent."""

    id: int
    code: str
    created_at: datetime
    expires_at: datetime | None
    uses_left: int

    @property
    def path(self) -> str:
        """The link's path on this site."""
        return f"/join/{self.code}"
