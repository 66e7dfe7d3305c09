"""Keys that all processes of a site share, to sign forms and links in mails."""

from __future__ import annotations

import secrets

from microblog.store.engine.database import Database
from microblog.store.mail import mail


async def site_secret(db: Database, name: str) -> bytes:
    """Return the key of a name: 32 random bytes, which the first call creates."""
    key = await mail(db.reads).secret(name)
    if key is None:
        async with db.transaction() as tx:
            key = await mail(tx).insert_secret(name, secrets.token_bytes(32))
    return bytes(key)
