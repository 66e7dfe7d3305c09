"""OAuth 2: records, and the rules for registrations and requests of apps (RFC 6749, 7636, 9700)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from microblog.domain.accounts import State, Viewer
from microblog.domain.errors import InvalidInput, MicroblogError

#: For apps that can't receive a redirect: the page shows the code, and the person copies it into the app.
OUT_OF_BAND: Final = "urn:ietf:wg:oauth:2.0:oob"

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*")
#: Schemes that a browser executes or opens itself instead of starting an app.
_REFUSED: Final = frozenset(
    {
        "javascript",
        "data",
        "vbscript",
        "file",
        "blob",
        "about",
        "filesystem",
        "mailto",
        "view-source",
        "ws",
        "wss",
        "chrome",
        "content",
        "ftp",
        "intent",
        "jar",
        "livescript",
        "mocha",
        "resource",
        "sms",
        "tel",
        "wyciwyg",
    }
)
#: A host with an optional port that can't end or widen a source list of a Content-Security-Policy.
_HOST: Final = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
#: Characters that a URI never contains unescaped (RFC 3986, section 2).
_NO_URI: Final = frozenset('"<>\\^`{|}')
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


_PLAIN_QUOTES: Final = str.maketrans("“”‘’", "''''")


class OAuthError(MicroblogError):
    """An error of a request for a code or a token (RFC 6749, sections 4.1.2.1, 5.2).

    ``error`` is one of OAuth's codes: invalid_request, invalid_client, invalid_grant, unauthorized_client,
    invalid_scope, unsupported_grant_type, unsupported_response_type, access_denied.
    """

    code = "oauth"

    def __init__(self, error: str, text: str) -> None:
        super().__init__(text)
        self.error = error

    @property
    def description(self) -> str:
        """The text, reduced to the characters that ``error_description`` may have (RFC 6749, section 5.2)."""
        plain = self.text.translate(_PLAIN_QUOTES).encode("ascii", "replace").decode()
        return "".join(each if " " <= each <= "~" and each not in '"\\' else "?" for each in plain)


class InvalidClient(OAuthError):
    """The app is unknown, or its credentials are wrong or missing."""

    def __init__(self, text: str) -> None:
        super().__init__("invalid_client", text)


@dataclass(frozen=True, slots=True)
class App:
    """A registered app. Only the app knows its secret."""

    id: int
    client_id: str
    name: str
    website: str | None
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Bearer:
    """The holder of an access token: an account, through an app or a personal token, or an app alone."""

    token_id: int
    app_id: int | None
    scopes: frozenset[str]
    viewer: Viewer | None
    state: State | None  #: of the account


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """A valid request for an account's consent."""

    app: App
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    challenge: str | None  #: PKCE, S256
    uri_sent: bool = True  #: whether the request named the redirect URI

    @property
    def out_of_band(self) -> bool:
        return self.redirect_uri == OUT_OF_BAND


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new access token, shown to its app once. It expires after ``seconds``, or never if that is None."""

    token: str
    scopes: tuple[str, ...]
    created_at: datetime
    seconds: int | None = None
    refresh_token: str | None = None


@dataclass(frozen=True, slots=True)
class AuthorizedApp:
    """An app that may act for an account, with the scopes of the consent."""

    app: App
    scopes: tuple[str, ...]
    created_at: datetime
    last_used_at: datetime | None


def redirect_uri(written: str) -> str:
    """Return a redirect URI unchanged if it is allowed.

    It is ``https``, ``http`` to this machine, the app's own scheme, or :data:`OUT_OF_BAND`. It is absolute, without a
    fragment (RFC 6749, 3.1.2), a user or a space. ``app://`` alone is accepted, because phone apps register it.

    Raises InvalidInput.
    """
    field = "redirect_uris"
    if written == OUT_OF_BAND:
        return written
    if len(written) > 2000 or any(ord(character) <= 0x20 or ord(character) >= 0x7F for character in written):
        raise InvalidInput("A redirect URI has no blanks and no characters beyond ASCII.", field)
    try:
        parts = urlsplit(written)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidInput("A redirect URI has to be an absolute URI.", field) from None
    if not _SCHEME.fullmatch(parts.scheme) or parts.scheme in _REFUSED or "#" in written:
        raise InvalidInput("A redirect URI has to be an absolute URI without a fragment.", field)
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("A redirect URI names no user.", field)
    if not _NO_URI.isdisjoint(written) or parts.scheme == "urn":  # no other URN can be opened
        raise InvalidInput("A redirect URI has to be an absolute URI.", field)
    if parts.scheme in ("http", "https"):
        if not host or not _HOST.fullmatch(parts.netloc):
            raise InvalidInput("A redirect URI has to be an absolute URI.", field)
        if parts.scheme == "http" and host not in _LOOPBACK:
            raise InvalidInput(
                "A redirect URI is https, or http to localhost alone: the code is a secret.", field
            )
    elif not written.partition(":")[2]:  # `app://` alone is complete: the answer is appended to it
        raise InvalidInput("A redirect URI has to be an absolute URI.", field)
    return written


def challenge(written: str | None, method: str | None) -> str | None:
    """Return a PKCE challenge, or None if none was sent. Only ``S256`` (RFC 9700, 2.1.1). Raises OAuthError."""
    if not written:
        if method:
            raise OAuthError("invalid_request", "There is a code_challenge_method, and no code_challenge.")
        return None
    if method != "S256":
        raise OAuthError("invalid_request", "The code_challenge_method has to be S256.")
    if not _CHALLENGE.fullmatch(written):
        raise OAuthError(
            "invalid_request", "The code_challenge has to be the SHA-256 of a verifier, in base64url."
        )
    return written


def verifies(verifier: str | None, expected: str | None) -> bool:
    """Return whether the challenge was made from ``verifier`` (RFC 7636, 4.6).

    A verifier without a challenge fails too, because an attacker may have removed the challenge (RFC 9700, 4.8.2).
    """
    if expected is None or not verifier:
        return expected is None and not verifier
    if not _VERIFIER.fullmatch(verifier):
        return False
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=")
    return hmac.compare_digest(made, expected.encode("ascii"))
