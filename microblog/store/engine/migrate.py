"""Numbered SQL migrations, applied in order under an advisory lock, each in its own transaction.

The database stores two numbers. ``version`` is the newest applied migration. ``compatible`` is the oldest migration
whose release still runs on this schema: a release whose newest migration is below it refuses to start, and any other
release starts on the newer schema during a rolling upgrade. A migration that older code can't run on has a line
``-- compatible: NNNN`` with its own number. Without that line the stored number stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import parse_dsn

from microblog.domain.errors import Unavailable
from microblog.store.engine.pool import Connection, connect

LOCK = 0x6D696372  # "micr"
LOCK_PATIENCE = 5.0
_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_COMPATIBLE = re.compile(r"^-- compatible: (\d{4})$", re.MULTILINE)


class SchemaError(Exception):
    """This release can't use the schema. The text says what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str
    compatible: int | None


@dataclass(frozen=True, slots=True)
class Schema:
    """The two numbers that the database stores."""

    version: int
    compatible: int


def migrations() -> list[Migration]:
    """Return all migrations of this release, in order."""
    known = []
    for entry in files("microblog.store").joinpath("migrations").iterdir():
        if match := _NAME.fullmatch(entry.name):
            sql = entry.read_text("utf-8")
            compatible = _COMPATIBLE.search(sql)
            known.append(Migration(int(match[1]), match[2], sql, int(compatible[1]) if compatible else None))
    return sorted(known, key=lambda each: each.number)


async def schema(connection: Connection) -> Schema:
    """Return the numbers that the database stores, or (0, 0) for an empty database."""
    [[table]] = await connection.runQuery("SELECT to_regclass('schema_version')")
    if table is None:
        return Schema(0, 0)
    found = await connection.runQuery("SELECT version, compatible FROM schema_version")
    return Schema(*found[0]) if found else Schema(0, 0)


async def migrate(
    dsn: str, reactor: Any, wanted: list[Migration] | None = None, *, patience: float = LOCK_PATIENCE
) -> list[Migration]:
    """Migrate the database to this release and return the migrations that were applied.

    A migration waits at most ``patience`` seconds for a lock, because all statements after it wait for it.

    Raises SchemaError when the schema is too new for this release or the server is older than PostgreSQL 15. Raises
    Unavailable when the database is away or a lock is not free in time. Migrations applied before that stay applied.
    """
    known = migrations() if wanted is None else wanted
    newest = known[-1].number
    try:
        connection = await connect(
            dsn, reactor, 10.0, "SET TIME ZONE 'UTC'; SET application_name = 'microblog migrate'"
        )
    except psycopg2.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise Unavailable(f"The database{_server_of(dsn)} can't be reached: {reason}") from error
    applied = []
    try:
        [[server]] = await connection.runQuery("SELECT current_setting('server_version_num')::int")
        if server < 150000:
            raise SchemaError(
                f"Microblog needs PostgreSQL 15 or later; this one is {server // 10000}. Upgrade it first."
            )
        await connection.runQuery(f"SELECT pg_advisory_lock({LOCK})")
        has = await schema(connection)
        if has.compatible > newest:
            raise SchemaError(
                f"The database is at schema {has.version}, which needs a release that knows schema {has.compatible}; "
                f"this one knows {newest}. Install the newer release."
            )
        await connection.runOperation(
            "CREATE TABLE IF NOT EXISTS schema_version (one boolean PRIMARY KEY DEFAULT true CHECK (one), "
            "version integer NOT NULL, compatible integer NOT NULL)"
        )
        # While a migration waits for a lock, all other statements of a busy site wait behind it.
        await connection.runOperation(f"SET lock_timeout = {int(patience * 1000)}")
        for each in known:
            if each.number > has.version:
                try:
                    await connection.runOperation(f"BEGIN; {each.sql}")
                except errors.LockNotAvailable as error:
                    raise Unavailable(
                        f"Migration {each.number:04} ({each.name}) needs a table that something else holds, and waited "
                        f"{patience:g} s. Nothing of it was applied; start again, or run: microblog migrate"
                    ) from error
                await connection.runOperation(
                    "INSERT INTO schema_version (version, compatible) VALUES (%s, %s) ON CONFLICT (one) DO UPDATE "
                    "SET version = excluded.version, "
                    "compatible = greatest(schema_version.compatible, excluded.compatible)",
                    (each.number, each.compatible or has.compatible or 1),
                )
                await connection.runOperation("COMMIT")
                applied.append(each)
    finally:
        connection.close()
    return applied


def _server_of(dsn: str) -> str:
    """Return the host and port of a DSN, which some errors of libpq lack. Return nothing else of the DSN."""
    try:
        named = parse_dsn(dsn)
    except psycopg2.Error:
        return ""
    host, port = named.get("host"), named.get("port")
    return (f" on {host}" if host else "") + (f" port {port}" if host and port else "")


async def current(reads: Any) -> None:
    """Raises Unavailable unless the database has all migrations of this release."""
    version = (await reads.run("SELECT version FROM schema_version")).fetchall()
    if not version or version[0][0] < migrations_newest():
        raise Unavailable("The database's schema is older than this release. Run: microblog migrate")


_newest: int | None = None


def migrations_newest() -> int:
    """Return the number of the newest migration of this release."""
    global _newest
    if _newest is None:
        _newest = migrations()[-1].number
    return _newest
