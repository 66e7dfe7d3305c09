"""The embedded PostgreSQL as a running server: started, shared, healed, stopped.

Several processes may use one data directory at once: a server, a second one, console commands.  Two lock files say
who does:

- ``postgres.lock`` is held shared by each user for as long as it uses the server; who can have it alone is the last,
  and stops the server on leaving.
- ``postgres.busy`` is held alone, for a moment, by whoever starts or stops the server or joins it.

The server itself is a daemon, nobody's child: it outlives a user that is killed, and the next one finds it running.
When it is killed, each user notices within :data:`WATCH_INTERVAL`, and the first of them starts it again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from microblog.runtime.process import StartError
from microblog.store.embedded import account as accounts
from microblog.store.embedded import children
from microblog.store.embedded.account import Account
from microblog.store.embedded.cluster import (
    DATABASE,
    Cluster,
    Postmaster,
    cluster_exists,
    find_binaries,
)
from microblog.store.embedded.locks import FileLock

#: Seconds between two looks at whether the server still runs.
WATCH_INTERVAL: Final = 0.25
#: Seconds between two tries for a lock or a state.
POLL_INTERVAL: Final = 0.05
#: Seconds for a start, which may have to recover from a crash, and for a stop.
START_TIMEOUT: Final = 120
STOP_TIMEOUT: Final = 30


class EmbeddedPostgres:
    """The PostgreSQL below one data directory.

    ``start`` and ``stop`` may be called once each, in this order; many objects, in many processes, may be there for
    one directory.
    """

    _log = Logger()

    def __init__(
        self,
        data_dir: Path,
        reactor: Any,
        *,
        create: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """
        Args:
            data_dir: where the cluster is, or will be.
            create: whether ``start`` may create the directory and the cluster when they do not exist.
            reactor: provides ``IReactorProcess``, ``IReactorTime`` and ``IReactorThreads``, and runs.
            settings: PostgreSQL's own, over ours; for tests.
        """
        self._data_dir = data_dir.absolute()
        self._create = create
        self._reactor = reactor
        self._settings = dict(settings or {})
        self._users = FileLock(self._data_dir / "postgres.lock")
        self._busy = FileLock(self._data_dir / "postgres.busy")
        self._binaries = Path()
        self._cluster: Cluster | None = None
        self._server: Any = None  # a psutil.Process
        self._watch: LoopingCall | None = None
        self._starting: Deferred[None] | None = None
        self._healing: Deferred[None] | None = None
        self._next_heal = 0.0
        self._failures = 0
        self._gone_since = 0.0

    @property
    def pid(self) -> int | None:
        """The process id of the server, while it is known to run."""
        return None if self._server is None else int(self._server.pid)

    async def start(self) -> str:
        """Makes the cluster if need be, starts the server or joins one that runs; returns libpq's URL for it.

        When it is cancelled, the start goes on until it can be undone, and ``stop`` undoes it.

        Raises:
            StartError: with a text that says what to do.
        """
        starting = Deferred.fromCoroutine(self._start())
        waiting: Deferred[str] = Deferred()

        def relay(result: str | Failure) -> None:
            if not waiting.called:
                waiting.callback(result)  # a Failure goes to the errbacks

        self._starting = starting.addBoth(relay)
        return await waiting

    async def _start(self) -> str:
        self._binaries = find_binaries()
        if not self._create and not cluster_exists(self._data_dir):
            raise StartError(
                f"There is no database in {self._data_dir}, and this command does not create one. "
                "Check --data-dir and --database, or create the site first: twistd -n microblog"
            )
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            await self._take_busy()
        except OSError as error:
            raise self._no_access(error) from error
        try:
            alone = self._users.take_exclusive()
            account = await self._choose_account()
            self._cluster = Cluster(self._data_dir, self._binaries, account, self._reactor, self._settings)
            await self._cluster.ensure()
            running = await self._running()
            if running is not None and alone and self._is_outdated():
                await self._halt()
                running = None
            if running is None:
                running = await self._launch()
            self._users.take_shared()
        except OSError as error:
            self._users.release()
            raise self._no_access(error) from error
        except BaseException:
            self._users.release()
            raise
        finally:
            self._busy.release()
        self._watch = LoopingCall(self._look)
        self._watch.clock = self._reactor
        self._watch.start(WATCH_INTERVAL, now=False)
        return f"postgresql://{DATABASE}@/{DATABASE}?host={quote(os.fsencode(running.socket_dir), safe='')}"

    async def stop(self) -> None:
        """Leaves; the last one to leave stops the server.  Does nothing when it was not started."""
        if self._starting is not None:
            await self._starting
        if self._watch is None:
            return
        watch, self._watch = self._watch, None
        if watch.running:
            watch.stop()
        if self._healing is not None:
            # Not broken off: a server that is just being started could not be found again.
            await self._healing
        await self._take_busy()
        try:
            if self._users.take_exclusive():
                await self._halt()
        finally:
            self._users.release()
            self._busy.release()

    def _no_access(self, error: OSError) -> StartError:
        reason = error.strerror or str(error)
        return StartError(
            f"The data directory {self._data_dir} can't be used: {reason} ({error.filename}). "
            "Give it to the user who starts Microblog, or choose another with --data-dir."
        )

    # --- Whom it runs as ---

    async def _choose_account(self) -> Account:
        path = self._data_dir / "postgres"
        own = accounts.own()
        if own is None:
            raise StartError(
                f"PostgreSQL can't run as the user id {os.geteuid()}, which has no name on this system. "
                "Add one (in a container: to /etc/passwd), or name a PostgreSQL by --database."
            )
        if own.uid != 0:
            if path.exists() and path.stat().st_uid != own.uid:
                raise StartError(
                    f"{path} belongs to another user, and PostgreSQL runs only as its owner. "
                    "Start Microblog as that user or as root, or choose another --data-dir."
                )
            return own
        # Root: as whom the cluster was made by, else as an account of its own.
        account = accounts.owner_of(path) if path.exists() else None
        account = account or accounts.named(accounts.NAME) or await self._make_account()
        for place in (path, self._binaries / "postgres"):
            accounts.let_through(account, place)
        accounts.open_to_reading(self._binaries.parent)
        return account

    async def _make_account(self) -> Account:
        root = accounts.own()
        assert root is not None
        complaint = "this system has no command for it that is known here"
        for command in accounts.creation_commands():
            made = await children.run(self._reactor, command[0], command[1:], account=root)
            account = accounts.named(accounts.NAME)
            if account is not None:
                self._log.info(
                    "Made the account {name}, as PostgreSQL does not run as root.", name=account.name
                )
                return account
            complaint = made.output
        raise StartError(
            f"PostgreSQL does not run as root, and the account {accounts.NAME} could not be made: {complaint}. "
            "Make it, or start Microblog as an ordinary user, or name a PostgreSQL by --database."
        )

    # --- Start and stop; all of these hold ``postgres.busy`` ---

    async def _take_busy(self) -> None:
        end = self._reactor.seconds() + START_TIMEOUT
        while not self._busy.take_exclusive():
            if self._reactor.seconds() > end:
                self._busy.release()
                raise StartError(
                    f"Another Microblog has been starting or stopping in {self._data_dir} for {START_TIMEOUT} s. "
                    "See whether one hangs (ps), and end it."
                )
            await deferLater(self._reactor, POLL_INTERVAL)

    async def _running(self) -> Postmaster | None:
        """The server that runs, when it is ready; waits for one that starts or stops."""

        cluster = self._require_cluster()
        end = self._reactor.seconds() + START_TIMEOUT
        while self._reactor.seconds() < end:
            notice = cluster.path / "postmaster.pid"
            if not notice.exists():
                return None
            server = _server_process(notice, cluster.path)
            if server is None:
                # Killed, or the machine was: its notice stays, and its process id may be another's by now.
                cluster.forget_postmaster()
                return None
            found = cluster.postmaster()
            if found is not None and found.status == "ready":
                self._server = server
                return found
            await deferLater(self._reactor, POLL_INTERVAL)
        raise StartError(f"A PostgreSQL in {cluster.path} neither starts nor stops. End it, and start again.")

    def _is_outdated(self) -> bool:
        """Whether the running server is of programs that have been replaced since."""
        import psutil

        try:
            return Path(self._server.exe()) != self._binaries / "postgres"
        except psutil.Error:
            return False

    async def _launch(self) -> Postmaster:
        import psutil

        cluster = self._require_cluster()
        socket_dir = cluster.configure()
        end = self._reactor.seconds() + START_TIMEOUT
        while True:
            # pg_ctl makes a daemon of it, in a session of its own: a Ctrl-C on our terminal is not for it.
            started = await cluster.program(
                "pg_ctl",
                "start",
                "-D",
                str(cluster.path),
                "-l",
                str(cluster.log),
                "-w",
                "-t",
                str(START_TIMEOUT),
                "-s",
            )
            found = cluster.postmaster()
            if started.ok and found is not None:
                self._server = psutil.Process(found.pid)
                return found
            reason = cluster.why()
            # The children of a server that was killed hold its memory until they notice, which takes a moment.
            if not any(sign in reason for sign in ("still in use", "already exists", "shared memory block")):
                break
            if self._reactor.seconds() > end:
                break
            await deferLater(self._reactor, POLL_INTERVAL * 2)
        raise StartError(f"The embedded PostgreSQL does not start in {socket_dir}: {reason}")

    async def _halt(self) -> None:
        cluster = self._require_cluster()
        if self._server is None or not _is_alive(self._server):
            return
        reason = ""
        for mode in ("fast", "immediate"):
            stopped = await cluster.program(
                "pg_ctl", "stop", "-D", str(cluster.path), "-m", mode, "-w", "-t", str(STOP_TIMEOUT), "-s"
            )
            if stopped.ok or not _is_alive(self._server):
                self._server = None
                return
            reason = stopped.output
        self._log.error("PostgreSQL did not stop: {reason}", reason=reason)

    def _require_cluster(self) -> Cluster:
        assert self._cluster is not None, "start() comes first"
        return self._cluster

    # --- Watching ---

    def _look(self) -> None:
        if self._healing is not None or self._reactor.seconds() < self._next_heal:
            return
        if self._server is not None and _is_alive(self._server):
            return
        self._healing = Deferred.fromCoroutine(self._heal())

    async def _heal(self) -> None:
        """Starts the server again, unless another user of it is faster.  Never raises."""
        if self._failures == 0:
            self._gone_since = self._reactor.seconds()
            self._log.warn("PostgreSQL (process {pid}) is gone. Starting it again.", pid=self.pid)
        try:
            await self._take_busy()
            try:
                if await self._running() is None:
                    await self._launch()
            finally:
                self._busy.release()
        except Exception as error:  # noqa: BLE001 - whatever it is, the watch goes on
            self._failures += 1
            wait = min(0.5 * 2**self._failures, 15.0)
            self._next_heal = self._reactor.seconds() + wait
            if self._failures in (1, 5) or self._failures % 50 == 0:
                self._log.error(
                    "PostgreSQL can't be started again, and is tried again all the time: {reason}",
                    reason=str(error),
                )
        else:
            self._failures = 0
            self._log.info(
                "PostgreSQL is back after {seconds:.1f} s (process {pid}).",
                seconds=self._reactor.seconds() - self._gone_since,
                pid=self.pid,
            )
        finally:
            self._healing = None


def _is_alive(process: Any) -> bool:
    """Runs, and is no zombie: where nobody reaps orphans (a container without an init), the dead stay listed."""
    import psutil

    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _server_process(notice: Path, cluster: Path) -> Any:
    """The process that a ``postmaster.pid`` names, if it is a PostgreSQL of this cluster and lives."""
    import psutil

    try:
        pid = int(notice.read_text(encoding="utf-8", errors="surrogateescape").split("\n", 1)[0])
        process = psutil.Process(pid)
        if not _is_alive(process):
            return None
        # A server's current directory is its cluster.
        return process if Path(process.cwd()).samefile(cluster) else None
    except (ValueError, OSError, psutil.Error):
        return None
