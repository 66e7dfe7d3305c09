"""Links that are sent by mail: to set a new password, and to confirm a mail address."""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timedelta
from typing import Any, Final

from microblog.store.jobs import jobs
from microblog.store.users import email_tokens

#: How long a link to set a new password works.
RESET_LIFE: Final = timedelta(hours=1)
#: How long a link to confirm a mail address works.
CONFIRM_LIFE: Final = timedelta(days=7)


async def request_link(
    tx: Any,
    now: datetime,
    account_id: int,
    email: str,
    purpose: str,
    job: str,
    *,
    place: str | None = None,
    **payload: Any,
) -> None:
    """Record the request for a link, and queue the job that mails it. The caller announces the job after the commit.

    ``purpose`` is "reset" or "confirm", ``job`` the kind of the job, ``place`` the network that the request came from.
    The link's secret is made when the mail is sent (``OutgoingMail.link``), so that none waits in the database.
    """
    request = secrets.token_bytes(32)
    life = RESET_LIFE if purpose == "reset" else CONFIRM_LIFE
    await email_tokens(tx).ask(request, account_id, purpose, email, now, now + life, place)
    await jobs(tx).put(
        job, json.dumps({"account": account_id, "request": request.hex(), **payload}), None, 0.0
    )
