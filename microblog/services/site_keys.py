"""Keys that all processes of a site share: for the signing of forms and of links in mail."""

from __future__ import annotations

import secrets

from microblog.store.engine.database import Database
from microblog.store.mail import mail


async def site_secret(db: Database, name: str) -> bytes:
    """The key of that name: 32 random bytes, made when it is first asked for, by whoever asks first."""
    kept = await mail(db.reads).secret(name)
    if kept is None:
        async with db.transaction() as tx:
            kept = await mail(tx).insert_secret(name, secrets.token_bytes(32))
    return bytes(kept)
