"""A site with people and posts, by SQL: what the tests of tasks need of one."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from microblog.store.engine.database import Database


class Sent:
    """A mailer that keeps what it is given; ``fail`` is raised instead, as often as there are any."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.fail: list[Exception] = []

    async def send(self, message: Any) -> None:
        if self.fail:
            raise self.fail.pop(0)
        self.messages.append(message)


class People:
    """People and what they do, in ``db``."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def sql(self, statement: str, *values: object) -> Any:
        """The first column of the first row, if there is one."""
        async with self.db.transaction() as tx:
            cursor = await tx.run(statement, values)
            found = cursor.fetchall() if cursor.description else []
        return found[0][0] if found else None

    async def user(
        self, name: str, *, confirmed: bool = True, at: datetime | None = None, **columns: object
    ) -> int:
        account: int = await self.sql(
            "INSERT INTO accounts (name, display_name, created_at) "
            "VALUES (%s, %s, coalesce(%s, clock_timestamp())) RETURNING id",
            name,
            name.title(),
            at,
        )
        await self.sql(
            "INSERT INTO users (account_id, email, password_hash, email_confirmed_at) "
            "VALUES (%s, %s, 'x', CASE WHEN %s THEN now() END)",
            account,
            f"{name}@example.org",
            confirmed,
        )
        for column, value in columns.items():
            await self.sql(f"UPDATE users SET {column} = %s WHERE account_id = %s", value, account)
        return account

    async def post(
        self,
        author: int,
        text: str = "Hello",
        *,
        summary: str = "",
        thread: int | None = None,
        at: datetime | None = None,
        boost_of: int | None = None,
        reply_to_account: int | None = None,
        tags: tuple[str, ...] = (),
        visibility: str = "public",
    ) -> int:
        post: int = await self.sql(
            "INSERT INTO posts (author_id, visibility, text, summary, thread_id, created_at, boost_of_id, "
            "reply_to_account_id, tags) "
            "VALUES (%s, %s, %s, %s, coalesce(%s, 1), coalesce(%s, clock_timestamp()), %s, %s, %s::text[]) "
            "RETURNING id",
            author,
            visibility,
            "" if boost_of else text,
            summary,
            thread,
            at,
            boost_of,
            reply_to_account,
            list(tags),
        )
        return post

    async def notify(
        self, recipient: int, kind: str, actor: int, post: int | None = None, *, age: float = 60
    ) -> int:
        """A notification that came ``age`` seconds ago."""
        notification: int = await self.sql(
            "INSERT INTO notifications (account_id, kind, actor_id, post_id, created_at) "
            "VALUES (%s, %s, %s, %s, clock_timestamp() - make_interval(secs => %s)) RETURNING id",
            recipient,
            kind,
            actor,
            post,
            age,
        )
        if kind == "follow":
            await self.sql(
                "INSERT INTO follows (follower_id, followee_id, accepted) VALUES (%s, %s, true) ON CONFLICT DO NOTHING",
                actor,
                recipient,
            )
        return notification

    async def put(
        self, kind: str, payload: dict[str, object], key: str | None = None, delay: float = 0
    ) -> None:
        from microblog.store.jobs import jobs

        async with self.db.transaction() as tx:
            await jobs(tx).put(kind, json.dumps(payload), key, delay)

    async def count(self, table: str, where: str = "true") -> int:
        number: int = await self.sql(f"SELECT count(*) FROM {table} WHERE {where}")
        return number

    async def jobs_are_due(self) -> None:
        """As if the time of every job had come, and every lease run out."""
        await self.sql(
            "UPDATE jobs SET run_at = least(run_at, clock_timestamp()), "
            "leased_until = leased_until - interval '1 day'"
        )
