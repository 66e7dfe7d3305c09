"""Plain numbered SQL migrations, applied in order under an advisory lock, each in a transaction of its own.

Two numbers are kept. ``version`` is the newest migration applied. ``compatible`` is the oldest one whose code still
runs on this schema: a release whose own newest migration is below it refuses to start, one above it starts beside the
new schema during a rolling upgrade.  A migration that older code can't live with says so in a line
``-- compatible: NNNN`` (its own number); without that line the number stays.
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

LOCK = 0x6D696372  # "micr": any constant of ours
LOCK_PATIENCE = 5.0
_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_COMPATIBLE = re.compile(r"^-- compatible: (\d{4})$", re.MULTILINE)


class SchemaError(Exception):
    """The schema can't be used by this release; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str
    compatible: int | None


@dataclass(frozen=True, slots=True)
class Schema:
    """What the database has."""

    version: int
    compatible: int


def migrations() -> list[Migration]:
    """All that this release has, in order."""
    found = []
    for entry in files("microblog.store").joinpath("migrations").iterdir():
        if match := _NAME.fullmatch(entry.name):
            sql = entry.read_text("utf-8")
            compatible = _COMPATIBLE.search(sql)
            found.append(Migration(int(match[1]), match[2], sql, int(compatible[1]) if compatible else None))
    return sorted(found, key=lambda each: each.number)


async def schema(connection: Connection) -> Schema:
    """The versions that the database has; (0, 0) for an empty one."""
    [[table]] = await connection.runQuery("SELECT to_regclass('schema_version')")
    if table is None:
        return Schema(0, 0)
    found = await connection.runQuery("SELECT version, compatible FROM schema_version")
    return Schema(*found[0]) if found else Schema(0, 0)


async def migrate(
    dsn: str, reactor: Any, wanted: list[Migration] | None = None, *, patience: float = LOCK_PATIENCE
) -> list[Migration]:
    """Bring the database up to this release; returns what was applied.

    ``patience``: seconds that a migration waits for a lock, and whoever comes after it behind it.

    Raises SchemaError when the database is too new for this release, or older than PostgreSQL 15; Unavailable
    when it is away, or when a table is not let go of in time: what was applied before stays applied.
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
        # A migration waits briefly for its locks and is tried again at the next start, rather than queueing
        # every other statement of a busy site behind itself.
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
    """Where it was looked for, which libpq leaves out of some of its errors; of the URL nothing else."""
    try:
        named = parse_dsn(dsn)
    except psycopg2.Error:
        return ""
    host, port = named.get("host"), named.get("port")
    return (f" on {host}" if host else "") + (f" port {port}" if host and port else "")


async def current(reads: Any) -> None:
    """Raises Unavailable unless the database has all migrations of this release."""
    found = (await reads.run("SELECT version FROM schema_version")).fetchall()
    if not found or found[0][0] < migrations_newest():
        raise Unavailable("The database's schema is older than this release. Run: microblog migrate")


_newest: int | None = None


def migrations_newest() -> int:
    """The number of the newest migration of this release."""
    global _newest
    if _newest is None:
        _newest = migrations()[-1].number
    return _newest
