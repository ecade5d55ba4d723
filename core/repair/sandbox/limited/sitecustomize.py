"""Loaded by the interpreter under the limited runner, before any code of the repository."""

import contextlib
import os
import sys

_OURS = tuple(path + os.sep for path in os.environ.get("GUARDED", "").split(os.pathsep))
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_DENIED = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.spawn", "pty.")
_DENIED += ("ctypes.", "os.kill", "signal.pthread_kill")
# event -> number of leading path arguments, and positions of their directory descriptors
_CHANGES = {"os.remove": (1, (1,)), "os.rmdir": (1, (1,)), "os.mkdir": (1, (2,)), "os.chmod": (1, (2,))}
_CHANGES |= {"os.chown": (1, (3,)), "os.utime": (1, (3,)), "os.truncate": (1, ()), "os.rename": (2, (2, 3))}
_CHANGES |= {"os.link": (2, (2, 3)), "os.symlink": (2, (None, 2)), "os.setxattr": (1, ())}


def _inside(path, folder=None):
    """Is a path, relative to a directory descriptor, in the tree or in the run's scratch folder?"""
    if isinstance(path, int):
        return True  # a descriptor that is already open was judged when it was opened
    if isinstance(folder, int) and folder >= 0:
        path = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), os.fsdecode(path))
    parent, name = os.path.split(os.path.abspath(os.fsdecode(path)))
    real = os.path.join(os.path.realpath(parent), name)
    return (os.path.realpath(real) + os.sep).startswith(_OURS) or real == os.devnull


def _guard(event, args):
    if event.startswith(_DENIED):
        raise PermissionError(f"the limited runner allows no {event}")
    if event == "open" and isinstance(args[2], int) and args[2] & _WRITES and not _inside(args[0]):
        raise PermissionError("the limited runner allows no writing outside of the tree")
    if event in _CHANGES:
        count, folders = _CHANGES[event]
        places = [args[i] if i is not None else None for i in folders] + [None] * count
        if not all(map(_inside, args[:count], places)):
            raise PermissionError(f"the limited runner allows no {event} outside of the tree")


def _no_process(*_args):
    raise PermissionError("the limited runner allows no new process")


def _opened(path, flags, mode=0o777, *, dir_fd=None):
    """Check ``os.open``, whose audit event does not include the directory descriptor."""
    if dir_fd is not None and flags & _WRITES and not _inside(path, dir_fd):
        raise PermissionError("the limited runner allows no writing outside of the tree")
    return _open(path, flags, mode, dir_fd=dir_fd)


_open = os.open
os.open = _opened
setattr(sys.modules[os.name], "open", _opened)  # noqa: B010 - not every module has it
with contextlib.suppress(ImportError):  # multiprocessing starts processes by this without telling the audit hook
    import _posixsubprocess

    _posixsubprocess.fork_exec = _no_process
sys.addaudithook(_guard)
