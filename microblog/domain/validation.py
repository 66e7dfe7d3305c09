"""Validation of the fields of an account: name, mail address, profile, password.

Each function takes the raw text of a field and returns the value to store. It raises InvalidInput, which names the
field.
"""

import re
from typing import Final

from microblog.domain import counting, normalisation
from microblog.domain.common_passwords import COMMON_PASSWORDS
from microblog.domain.errors import InvalidInput
from microblog.domain.hosts import host
from microblog.domain.text import MAX_RAW, is_blank, length, normalise, one_line

MAX_USER_NAME: Final = 30
MAX_EMAIL: Final = 254
MAX_DISPLAY_NAME: Final = 50
MAX_BIO: Final = 500
MAX_PROFILE_FIELD: Final = 255
MAX_PROFILE_FIELDS: Final = 4
MIN_PASSWORD: Final = 8
MAX_PASSWORD: Final = 1000

_RESERVED_WORDS: Final = (
    # Paths of the site.
    "about account accounts activity admin administrator api apps assets atom auth blocks bookmarks boosts "
    "conversations css dashboard delete direct directory edit emojis error explore export favicon favourites feed "
    "feeds federated filters follow followers following follows health help home host_meta html images import inbox "
    "index instance interact invite invites js json jobs legal lists live local login logout mail media mentions "
    "metrics mutes new nodeinfo notifications oauth outbox owner password people ping pinned post posts preferences "
    "privacy private profile public push ready register relay relationships report reports reset robots root rss rules "
    "search security service session sessions settings share sign_in sign_out sign_up signin signout signup site "
    "sitemap static statistics stats status statuses stream streaming support system tag tags terms test thread "
    "threads timeline timelines token tokens trends unfollow unsubscribe upload uploads user username users verify "
    "web webfinger webmaster welcome well_known www "
    # Mailboxes and roles that readers would trust (RFC 2142).
    "abuse contact hostmaster info mailer_daemon marketing microblog moderation moderator moderators news noc "
    "no_reply noreply official postmaster sales spam staff team usenet uucp "
    # Words that mean nobody or everybody.
    "all anonymous channel everyone false here me nil nobody none null self someone true undefined unknown you"
)

RESERVED: Final = frozenset(_RESERVED_WORDS.split())
"""Names that are reserved for the site."""

_USER_NAME = re.compile(r"[a-z0-9_]+")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")


def user_name(raw: str, *, allow_reserved: bool = False) -> str:
    """Return a user name in lower case: 1 to 30 of ``a-z``, ``0-9`` and ``_``.

    Names are ASCII, so that no two look alike. Clients of the Mastodon protocol expect this profile, which is
    stricter than PRECIS (RFC 8265).
    """
    name = raw.strip().removeprefix("@").lower() if raw.strip().isascii() else raw.strip()
    if not name:
        raise InvalidInput("Choose a name.", field="name", reason="blank")
    if not name.isascii():
        raise InvalidInput(
            "A name can have the letters a to z, digits and underscores only. Your display name can have any letters.",
            field="name",
        )
    if not _USER_NAME.fullmatch(name):
        raise InvalidInput("A name can have the letters a to z, digits and underscores only.", field="name")
    if len(name) > MAX_USER_NAME:
        raise InvalidInput(
            f"A name can have {MAX_USER_NAME} characters at most.", field="name", reason="too_long"
        )
    if not name.strip("_"):
        raise InvalidInput("A name needs a letter or a digit.", field="name")
    if not allow_reserved and name in RESERVED:
        raise InvalidInput(
            "This name is kept for the site itself. Choose another.", field="name", reason="reserved"
        )
    return name


def known_name(raw: str) -> str | None:
    """Return the user name to look up for a typed one (``@Bob`` → ``bob``), or None if it is not a possible name."""
    name = raw.strip().removeprefix("@")
    if not name.isascii() or len(name) > MAX_USER_NAME or not _USER_NAME.fullmatch(name.lower()):
        return None
    return name.lower()


def email(raw: str) -> str:
    """Return a mail address with its host in canonical form (RFC 5321, without quoted local parts and literals).

    The local part keeps its case, which only the receiving host can interpret. Compare addresses without case.
    """
    address = raw.strip()
    if not address:
        raise InvalidInput("Enter your e-mail address.", field="email", reason="blank")
    local, at, domain = address.rpartition("@")
    if len(address) > MAX_EMAIL or len(local) > 64:
        raise InvalidInput("This e-mail address is too long.", field="email", reason="too_long")
    if not at or not _LOCAL_PART.fullmatch(local):
        raise InvalidInput(
            "This is not an e-mail address. It should look like name@example.com.", field="email"
        )
    try:
        canonical = host(domain)
    except InvalidInput as error:
        raise InvalidInput(
            "The part after the @ is not a host name. It should look like name@example.com.", field="email"
        ) from error
    if domain != domain.strip() or ("." not in canonical and canonical != "localhost"):
        raise InvalidInput(
            "The part after the @ is not a host name. It should look like name@example.com.", field="email"
        )
    if len(local) + 1 + len(canonical) > MAX_EMAIL:
        raise InvalidInput("This e-mail address is too long.", field="email", reason="too_long")
    return f"{local}@{canonical}"


def known_email(raw: str) -> str | None:
    """Return the mail address to look up for a typed one, in the form that `email` stores, or None if it is invalid."""
    try:
        return email(raw)
    except InvalidInput:
        return None


def login_key(raw: str) -> str:
    """Return the key under which limits count attempts and mails for a typed name or mail address."""
    typed = raw.strip()
    return (known_name(typed) or known_email(typed) or typed[:MAX_EMAIL]).lower()


def display_name(raw: str) -> str:
    """Return a display name on one line, or an empty text if nothing of it is visible."""
    return _line(raw, MAX_DISPLAY_NAME, "display_name", "A display name")


def bio(raw: str) -> str:
    """Return the biography of a profile, with lines, links and hashtags as in a post."""
    text = normalise(raw[:MAX_RAW])
    if len(raw) > MAX_RAW or length(text) > MAX_BIO:
        raise InvalidInput(f"This can have {MAX_BIO} characters at most.", field="bio", reason="too_long")
    return "" if is_blank(text) else text


def profile_field(name: str, value: str) -> tuple[str, str]:
    """Return the label and content of a profile field, such as "Site" and "https://example.com"."""
    label = _line(name, MAX_PROFILE_FIELD, "fields", "A label")
    content = _line(value, MAX_PROFILE_FIELD, "fields", "A line of the profile")
    if content and not label:
        raise InvalidInput("Give this line a label.", field="fields", reason="blank")
    return label, content


def profile_fields(raw: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the fields of a profile without the empty ones."""
    fields = [pair for pair in (profile_field(name, value) for name, value in raw) if pair[1]]
    if len(fields) > MAX_PROFILE_FIELDS:
        raise InvalidInput(
            f"A profile can have {MAX_PROFILE_FIELDS} lines.", field="fields", reason="too_long"
        )
    return fields


def password(raw: str, name: str = "", email: str = "") -> str:
    """Return a new password in NFC, so that any keyboard can type it (RFC 8265, 4.2). It is never trimmed.

    Passwords that are short, common, or equal to the name or address are refused. There are no rules on kinds of
    characters (NIST SP 800-63B, 5.1.1.2).
    """
    if not raw:
        raise InvalidInput("Choose a password.", field="password", reason="blank")
    if len(raw) > MAX_PASSWORD:
        raise InvalidInput(
            f"A password can have {MAX_PASSWORD} characters at most.", field="password", reason="too_long"
        )
    try:
        raw.encode()
    except UnicodeEncodeError:
        raise InvalidInput("This password has characters that can't be sent.", field="password") from None
    if "\x00" in raw:
        raise InvalidInput("This password has characters that can't be typed.", field="password")
    if len(raw) < MIN_PASSWORD:
        raise InvalidInput(
            f"A password needs {MIN_PASSWORD} characters at least. Three words make a good one.",
            field="password",
            reason="too_short",
        )
    bare = raw.casefold().strip()
    own = {text.casefold() for text in (name, email, email.partition("@")[0]) if text}
    if bare in own or bare.rstrip("0123456789!.") in own:
        raise InvalidInput("This password is your name. Choose one that nobody can guess.", field="password")
    if bare in COMMON_PASSWORDS or len(set(bare)) < 3:
        raise InvalidInput(
            "This password is among the first that anyone would try.", field="password", reason="common"
        )
    return normalisation.exact(raw)


def _line(raw: str, limit: int, field: str, what: str) -> str:
    text = one_line(raw, limit + 1)
    if is_blank(text):
        return ""
    if counting.graphemes(text) > limit:
        raise InvalidInput(f"{what} can have {limit} characters at most.", field=field, reason="too_long")
    return text
