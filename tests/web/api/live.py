"""The real service in a process of its own, for real clients.

They are blocking programs: a test that uses them is a plain function, and the service needs nothing of this process.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import requests

from tests.browser.service import PASSWORD, Service

OOB = "urn:ietf:wg:oauth:2.0:oob"
_numbers = itertools.count(1)


@dataclass
class Live:
    """The service at ``url``, and a program that registered itself with it."""

    service: Service
    client_id: str
    client_secret: str
    app_token: str

    @property
    def url(self) -> str:
        return self.service.url

    @classmethod
    def at(cls, service: Service) -> Live:
        scopes = "read write follow push offline_access"
        app = _post(
            f"{service.url}/api/v1/apps",
            {
                "client_name": "Tests",
                "redirect_uris": f"{OOB}\nhttp://localhost:9/callback",
                "scopes": scopes,
            },
        )
        issued = _post(
            f"{service.url}/oauth/token",
            {
                "grant_type": "client_credentials",
                "client_id": app["client_id"],
                "client_secret": app["client_secret"],
                "scope": "read write follow push",
            },
        )
        return cls(service, app["client_id"], app["client_secret"], issued["access_token"])

    def sign_up(self, prefix: str = "somebody") -> tuple[str, str]:
        """Somebody new: their name, and their access token with all scopes."""
        name = f"{prefix}{next(_numbers)}"
        issued = _post(
            f"{self.url}/api/v1/accounts",
            {
                "username": name,
                "email": f"{name}@example.org",
                "password": PASSWORD,
                "agreement": "true",
                "locale": "en",
            },
            self.app_token,
        )
        return name, issued["access_token"]


def _post(url: str, form: dict[str, str], token: str | None = None) -> Any:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer = requests.post(url, data=form, headers=headers, timeout=30)
    assert answer.ok, f"{url}: {answer.status_code} {answer.text}"
    return answer.json()
