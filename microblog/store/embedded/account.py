"""Whom PostgreSQL runs as: ourselves; or, when we are root, an account of its own, as it refuses to be root.

That account has no password, no shell and no home.  It has to reach its files and programs, which may be below a
home directory that is closed to all (mode 0700): it is given the right to pass through the folders on the way, and
nothing more, by an access control list entry for it alone; where the file system has none of those, by search
permission for others, without which no list of names can be read.
"""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from twisted.logger import Logger

_log = Logger()

#: The account that is made when root runs the microblog.
NAME: Final = "microblog-db"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the operating system; ``switch``: a child has to become it first."""

    name: str
    uid: int
    gid: int
    switch: bool


def own() -> Account | None:
    """Who we are, or ``None`` when this user id has no name (a container's ``--user 1234``)."""
    try:
        entry = pwd.getpwuid(os.geteuid())
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=False)


def named(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)


def owner_of(path: Path) -> Account | None:
    """Who owns ``path``; ``None`` for root and for an id without a name."""
    uid = path.stat().st_uid
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return None
    return None if uid == 0 else Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)


def creation_commands() -> list[list[str]]:
    """Commands that make the account, the likeliest first; only those this system has."""
    wanted = [
        # Debian, Fedora, Arch, …; the second form is BusyBox's.
        [
            "useradd",
            "--system",
            "--no-create-home",
            "--home-dir",
            "/nonexistent",
            "--shell",
            "/bin/false",
            NAME,
        ],
        ["adduser", "-S", "-D", "-H", "-s", "/bin/false", NAME],
    ]
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    found: list[list[str]] = []
    for command in wanted:
        program = shutil.which(command[0], path=places)
        if program is not None:
            found.append([program, *command[1:]])
    return found


def let_through(account: Account, path: Path) -> None:
    """Lets ``account`` reach ``path``: search permission on each folder above it that is closed to it."""
    for folder in [*reversed(path.parents)]:
        status = folder.stat()
        if _may_search(status, account) or _has_entry(folder, account):
            continue
        try:
            _add_entry(folder, account, status.st_mode)
            _log.info("{account} may now pass through {folder}.", account=account.name, folder=str(folder))
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EINVAL, errno.ENOSYS):
                raise
            folder.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)
            _log.info("{folder} may now be passed through, but not listed, by all.", folder=str(folder))
        except AttributeError:  # no extended attributes in this Python: macOS
            folder.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)
            _log.info("{folder} may now be passed through, but not listed, by all.", folder=str(folder))


def _may_search(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def open_to_reading(folder: Path) -> None:
    """Makes a folder of public programs readable to all, as an installation under umask 077 is not."""
    for parent, _, files in os.walk(folder):
        for path in (Path(parent), *(Path(parent) / name for name in files)):
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                continue
            wanted = mode | 0o444 | (0o111 if mode & stat.S_IXUSR else 0)
            if wanted != mode:
                path.chmod(stat.S_IMODE(wanted))


# POSIX access control lists as Linux keeps them in an extended attribute (acl(5); linux/posix_acl_xattr.h): a
# version, then (tag, permissions, id) sorted by tag and id.
_ATTRIBUTE: Final = "system.posix_acl_access"
_HEADER: Final = struct.Struct("<I")
_ENTRY: Final = struct.Struct("<HHI")
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_NO_ID: Final = 0xFFFFFFFF
_SEARCH: Final = 0o1

_Entries = list[tuple[int, int, int]]


def _entries(folder: Path, mode: int) -> _Entries:
    try:
        raw = os.getxattr(folder, _ATTRIBUTE)
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
        # No list yet: it begins as what the mode says.
        return [
            (_USER_OBJ, mode >> 6 & 7, _NO_ID),
            (_GROUP_OBJ, mode >> 3 & 7, _NO_ID),
            (_OTHER, mode & 7, _NO_ID),
        ]
    return list(_ENTRY.iter_unpack(raw[_HEADER.size :]))


def _has_entry(folder: Path, account: Account) -> bool:
    try:
        entries = _entries(folder, 0)
    except (OSError, AttributeError):
        return False
    mask = next((permissions for tag, permissions, _ in entries if tag == _MASK), 0o7)
    return any(
        tag == _USER and uid == account.uid and permissions & mask & _SEARCH
        for tag, permissions, uid in entries
    )


def _add_entry(folder: Path, account: Account, mode: int) -> None:
    entries = [
        entry for entry in _entries(folder, mode) if entry[0] != _MASK and entry[::2] != (_USER, account.uid)
    ]
    entries.append((_USER, _SEARCH, account.uid))
    # The mask bounds named users and all groups: wide enough for what each of them has already.
    mask = 0
    for tag, permissions, _ in entries:
        if tag in (_USER, _GROUP_OBJ, _GROUP):
            mask |= permissions
    entries.append((_MASK, mask, _NO_ID))
    entries.sort(key=lambda entry: (entry[0], entry[2]))
    packed = _HEADER.pack(2) + b"".join(_ENTRY.pack(*entry) for entry in entries)
    os.setxattr(folder, _ATTRIBUTE, packed)
