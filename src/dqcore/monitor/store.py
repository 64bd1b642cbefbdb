"""The store: one SQLite file that one process writes at a time, and that holds whole batches."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet

from ..errors import StateError

APPLICATION = 0x6471636D
"""`dqcm`: the file is a monitor's (PRAGMA application_id)."""
FORMAT = 1
"""The form of the tables (PRAGMA user_version)."""
CACHE_KIB = 65_536
NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.glusterfs"}
"""File systems on which processes of several machines would not see each other's locks (SQLite, "Write-Ahead Logging",
section 1: "WAL does not work over a network filesystem")."""
TABLES = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE batches(
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, now INTEGER, cutoff INTEGER,
    data BLOB NOT NULL, told BLOB NOT NULL, rows INTEGER NOT NULL, outcome TEXT NOT NULL);
CREATE TABLE rules(number INTEGER PRIMARY KEY, id TEXT NOT NULL, memory TEXT NOT NULL, types BLOB NOT NULL,
    UNIQUE(id, memory));
CREATE TABLE kept(rule INTEGER NOT NULL, key BLOB NOT NULL, batch INTEGER NOT NULL, rows BLOB NOT NULL, last INTEGER,
    PRIMARY KEY(rule, key, batch, rows)) WITHOUT ROWID;
CREATE TABLE history(
    batch INTEGER NOT NULL, place INTEGER NOT NULL, rule TEXT NOT NULL, kind TEXT NOT NULL, owner TEXT,
    severity TEXT NOT NULL, segment TEXT, outcome TEXT NOT NULL, rows INTEGER NOT NULL, evaluated INTEGER NOT NULL,
    failed INTEGER NOT NULL, skipped INTEGER NOT NULL, filtered INTEGER NOT NULL, reasons TEXT NOT NULL,
    measures TEXT NOT NULL, PRIMARY KEY(batch, place)) WITHOUT ROWID;
CREATE TABLE series(name TEXT NOT NULL, labels TEXT NOT NULL, value REAL NOT NULL, PRIMARY KEY(name, labels))
    WITHOUT ROWID;
"""


class Store:
    """An open store. `write=False` opens it for reading alone, beside whoever writes.

    Raises `StateError` for whatever is wrong with it: it is missing, another program's, of another version, damaged,
    read-only, full, or in the hands of another process.
    """

    def __init__(self, path: str | os.PathLike[str], *, create: bool = False, write: bool = True) -> None:
        self.path = Path(path)
        self._process = os.getpid()
        self._lock: int | None = None
        self._connection: sqlite3.Connection | None = None
        there = self.path.exists()
        if not there and not (create and write):
            raise StateError(f"{self.path}: there is no store; give create=True to make one")
        if there and not self.path.is_file():
            raise StateError(f"{self.path}: this is not a file; name the monitor's store")
        if write:
            self._make_sure_it_can_be_written(there)
            self._lock = _locked(self.path)
            _OPEN.add(self)
        try:
            with self.guarded():
                self._open(create, write)
        except OSError as error:
            self.close()
            raise StateError(f"{self.path}: {error.strerror}") from None
        except BaseException:
            self.close()
            raise

    def _make_sure_it_can_be_written(self, there: bool) -> None:
        folder = self.path.resolve().parent
        if not folder.is_dir():
            raise StateError(f"{self.path}: there is no folder {folder}")
        kind = _file_system(folder)
        if kind in NETWORK:
            raise StateError(f"{self.path}: a store cannot lie on a network file system ({kind}); use a local disk")
        # Who may do anything (root) is held to the file's own word, too.
        if there and not (self.path.stat().st_mode & 0o222 and os.access(self.path, os.W_OK)):
            raise StateError(f"{self.path}: the store is read-only")

    def _open(self, create: bool, write: bool) -> None:
        if write and not self.path.exists():
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        where = f"{self.path.resolve().as_uri()}?mode={'rw' if write else 'ro'}"
        connection = sqlite3.connect(where, uri=True, timeout=5, isolation_level=None, check_same_thread=False)
        self._connection = connection
        for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        application, version, tables = (
            connection.execute(question).fetchone()[0]
            for question in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema")
        )
        if not application and not version and not tables and create:
            self._create()
        elif application != APPLICATION:
            raise StateError(f"{self.path}: this is not a monitor's store, or one that was never made whole")
        elif version != FORMAT:
            raise StateError(f"{self.path}: the store has form {version}; this dqcore reads and writes form {FORMAT}")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        if write:
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("PRAGMA synchronous=FULL")

    def _create(self) -> None:
        self.sql.execute("PRAGMA journal_mode=WAL")
        self.sql.execute("PRAGMA synchronous=FULL")
        with self.transaction():
            for statement in TABLES.split(";"):
                self.sql.execute(statement)
            self.sql.execute(f"PRAGMA user_version={FORMAT}")
            self.sql.execute(f"PRAGMA application_id={APPLICATION}")
        _keep_name(self.path)

    @property
    def sql(self) -> sqlite3.Connection:
        """The connection, in the process that opened it."""
        if self._connection is None:
            raise StateError(f"{self.path}: the store was closed")
        if os.getpid() != self._process:
            raise StateError(
                f"{self.path}: the store was opened by the process that this one was forked from; open it here"
            )
        return self._connection

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """What SQLite raises as a `StateError`."""
        try:
            yield
        except sqlite3.Error as error:
            raise StateError(f"{self.path}: {error}; nothing of this was kept") from None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of what is done, on the disk once this is left, or nothing."""
        with self.guarded():
            sql = self.sql
            sql.execute("BEGIN IMMEDIATE")
            try:
                yield sql
                sql.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a disk that is full ends the transaction itself
                    sql.execute("ROLLBACK")
                raise

    def meta(self, name: str) -> Any:
        with self.guarded():
            found = self.sql.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if found is None else found[0]

    def set_meta(self, name: str, value: Any) -> None:
        """Within a transaction."""
        self.sql.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def verify(self) -> list[str]:
        """Everything in the file that does not add up, the first hundred of it."""
        with self.guarded():
            told = [line[0] for line in self.sql.execute("PRAGMA integrity_check(100)")]
            orphans = {
                "rows of batches that are not there": "SELECT count(*) FROM kept WHERE batch NOT IN (SELECT number FROM batches)",
                "rows of rules that are not there": "SELECT count(*) FROM kept WHERE rule NOT IN (SELECT number FROM rules)",
                "history of batches that are not there": "SELECT count(*) FROM history WHERE batch NOT IN (SELECT number FROM batches)",
                "batches without their history": "SELECT count(*) FROM batches WHERE number NOT IN (SELECT batch FROM history)"
                " AND number > coalesce((SELECT value FROM meta WHERE name = 'history_from'), 0)",
            }
            found = {what: self.sql.execute(question).fetchone()[0] for what, question in orphans.items()}
        problems = [] if told == ["ok"] else told
        return [*problems, *(f"{count:,} {what}" for what, count in found.items() if count)]

    def close(self) -> None:
        """Closes the file, and lets another process have it."""
        connection, lock = self._connection, self._lock
        self._connection = self._lock = None
        if os.getpid() != self._process:
            return
        if connection is not None:
            connection.close()
        if lock is not None:
            os.close(lock)

    def let_go(self) -> None:
        """In a child that was forked: the lock is its parent's, and must end with the parent."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


_OPEN: WeakSet[Store] = WeakSet()


def _let_go() -> None:
    for store in list(_OPEN):
        store.let_go()


os.register_at_fork(after_in_child=_let_go)


def _locked(path: Path) -> int:
    """A lock on a file beside the store, that ends with the process; `StateError` where another has it."""
    name = f"{path.resolve()}-lock"
    try:
        handle = os.open(name, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise StateError(f"{name}: {error.strerror}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise StateError(f"{path}: the store is in use; one monitor writes it at a time") from None
    return handle


def _file_system(folder: Path) -> str:
    """The kind of the file system that a folder lies on, "" where the system does not say."""
    best, kind = "", ""
    with suppress(OSError):
        for line in Path("/proc/self/mounts").read_text().splitlines():
            place, found = line.split()[1:3]
            place = place.replace("\\040", " ")
            if (str(folder) + "/").startswith(place.rstrip("/") + "/") and len(place) >= len(best):
                best, kind = place, found
    return kind


def _keep_name(path: Path) -> None:
    """Makes sure that a new file's name outlives a power failure."""
    handle = os.open(path.resolve().parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_new(path: Path, content: bytes) -> None:
    """A new file of the owner's alone (0600), whole or not at all, on the disk; FileExistsError where there is one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(beside, path)
    finally:
        os.unlink(beside)
    _keep_name(path)
