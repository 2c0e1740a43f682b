"""A shim around SQLite's VFS that can observe, delay and fail disk operations.

It works below the registry's connections (same module, library and statements) without their knowledge: the VFS of the
library opens a file, and some entries of the method table that it leaves in the file are replaced by calls to Python.
Everything else stays in C.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p, cast
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sagemaker_registry.backends.store.sqlite.driver import sqlite3

OK, IOERR, FULL = 0, 10, 13
LOCK_SHARED, LOCK_EXCLUSIVE = 4, 8
"""Flags of xShmLock, with SQLITE_SHM_LOCK = 2 and SQLITE_SHM_UNLOCK = 1."""

_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, POINTER(c_int))
_DELETE = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
_CLOSE = CFUNCTYPE(c_int, c_void_p)
_WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)
_SHM_LOCK = CFUNCTYPE(c_int, c_void_p, c_int, c_int, c_int)
_UNFETCH = CFUNCTYPE(c_int, c_void_p, c_int64, c_void_p)


class _Methods(Structure):
    """`sqlite3_io_methods`, version 3."""

    _fields_ = (
        ("version", c_int),
        ("close", c_void_p),
        ("read", c_void_p),
        ("write", c_void_p),
        ("truncate", c_void_p),
        ("sync", c_void_p),
        *((name, c_void_p) for name in ("size", "lock", "unlock", "reserved", "control", "sector", "traits")),
        *((name, c_void_p) for name in ("shm_map", "shm_lock", "shm_barrier", "shm_unmap")),
        ("fetch", c_void_p),
        ("unfetch", c_void_p),
    )


class _VFS(Structure):
    """`sqlite3_vfs`, version 3."""

    _fields_ = (
        ("version", c_int),
        ("size_of_file", c_int),
        ("longest_path", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("data", c_void_p),
        ("open", c_void_p),
        ("delete", c_void_p),
        *((name, c_void_p) for name in ("access", "full_path", "dl_open", "dl_error", "dl_sym", "dl_close")),
        *((name, c_void_p) for name in ("randomness", "sleep", "time", "last_error", "time64")),
        *((name, c_void_p) for name in ("set_call", "get_call", "next_call")),
    )


@cache
def library() -> Any:
    """Return the library that the registry's `sqlite3` uses; the test is skipped where it cannot be reached."""
    maps = Path("/proc/self/maps")
    lines = maps.read_text().splitlines() if maps.exists() else []
    for path in dict.fromkeys(line.split(maxsplit=5)[-1] for line in lines if "sqlite3" in line):
        found = ctypes.CDLL(path)
        version = getattr(found, "sqlite3_libversion", None)
        if version is not None:
            version.restype = c_char_p
            if version().decode() == sqlite3.sqlite_version:
                found.sqlite3_vfs_find.restype = POINTER(_VFS)
                return found
    pytest.skip("the SQLite of this Python is not a separate library")


_names = count()
_kept: list[object] = []
"""Objects that C holds pointers to, which must never be freed."""


class Disk:
    """A disk whose subclasses observe operations or return an error instead.

    A method `before_...` returns the result for SQLite: after OK the operation is done, otherwise it is not.
    """

    def __init__(self) -> None:
        self._real = library().sqlite3_vfs_find(b"unix").contents
        self._paths: dict[int, Path] = {}
        self._tables: dict[int, _Methods] = {}
        self._vfs = self._made()
        _kept.append(self)

    def before_write(self, path: Path, offset: int, data: bytes) -> int:
        return OK

    def before_truncate(self, path: Path, size: int) -> int:
        return OK

    def before_sync(self, path: Path) -> int:
        return OK

    def before_delete(self, path: Path, *, surely: bool) -> int:
        """If `surely` is true, the folder is synced before the operation returns."""
        return OK

    def before_unfetch(self, path: Path) -> None:
        """SQLite discards its memory mapping of a file that another connection changed, also within a checkpoint."""

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Make connections that are opened in this block use this disk."""
        assert library().sqlite3_vfs_register(ctypes.byref(self._vfs), 1) == OK
        try:
            yield
        finally:
            assert library().sqlite3_vfs_unregister(ctypes.byref(self._vfs)) == OK
            assert library().sqlite3_vfs_register(ctypes.byref(self._real), 1) == OK

    def _made(self) -> _VFS:
        made = _VFS()
        ctypes.memmove(ctypes.byref(made), ctypes.byref(self._real), ctypes.sizeof(_VFS))
        made.name, made.next = f"listening-{next(_names)}".encode(), None
        made.open, made.delete = self._pointer(_OPEN(self._open)), self._pointer(_DELETE(self._delete))
        return made

    def _pointer(self, function: Any) -> Any:
        _kept.append(function)
        return cast(function, c_void_p)

    def _open(self, vfs: int, name: int | None, file: int, flags: int, out: Any) -> int:
        answer = int(_OPEN(self._real.open)(ctypes.addressof(self._real), name, file, flags, out))
        methods = c_void_p.from_address(file)
        if answer == OK and methods.value and name:
            self._paths[file] = Path(ctypes.string_at(name).decode())
            table = self._tables.get(methods.value) or self._table(methods.value)
            methods.value = ctypes.addressof(table)
        return answer

    def _table(self, real: int) -> _Methods:
        methods, table = _Methods.from_address(real), _Methods()
        ctypes.memmove(ctypes.byref(table), real, ctypes.sizeof(_Methods))
        close, write, truncate, sync, unfetch = (
            kind(getattr(methods, name))
            for name, kind in (
                ("close", _CLOSE),
                ("write", _WRITE),
                ("truncate", _TRUNCATE),
                ("sync", _SYNC),
                ("unfetch", _UNFETCH),
            )
        )

        def closed(file: int) -> int:
            self._paths.pop(file, None)
            return int(close(file))

        def written(file: int, data: int, size: int, offset: int) -> int:
            refused = self.before_write(self._paths[file], offset, ctypes.string_at(data, size))
            return refused or int(write(file, data, size, offset))

        def truncated(file: int, size: int) -> int:
            return self.before_truncate(self._paths[file], size) or int(truncate(file, size))

        def synced(file: int, flags: int) -> int:
            return self.before_sync(self._paths[file]) or int(sync(file, flags))

        def unfetched(file: int, offset: int, page: int | None) -> int:
            self.before_unfetch(self._paths[file])
            return int(unfetch(file, offset, page))

        table.close, table.write = self._pointer(_CLOSE(closed)), self._pointer(_WRITE(written))
        table.truncate, table.sync = self._pointer(_TRUNCATE(truncated)), self._pointer(_SYNC(synced))
        table.unfetch = self._pointer(_UNFETCH(unfetched))
        self._tables[real] = table
        return table

    def _delete(self, vfs: int, name: bytes, sync: int) -> int:
        refused = self.before_delete(Path(name.decode()), surely=bool(sync))
        return refused or int(_DELETE(self._real.delete)(ctypes.addressof(self._real), name, sync))
