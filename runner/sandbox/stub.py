"""The first program inside a sandbox: hands its doors out, takes its own rights away, becomes the host.

Runs as a lone file under a bare interpreter (-I -S), so it imports the standard library alone. Its orders are JSON
on the descriptor named by its argument (see launcher.py), so neither argv nor environment can be read from outside.
A listening socket stays in the network namespace where it was made: what is listened on here and accepted by
the proxy outside is the only way out.
"""

import array
import ctypes
import json
import os
import resource
import socket
import stat
import sys

# linux/landlock.h
_READ = 0x1 | 0x4 | 0x8  # execute, read file, read folder
_ALL_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_FILE_ONLY = 0x1 | 0x2 | 0x4 | 0x4000 | 0x8000  # what a rule on a file may grant
_SCOPES = 0x1 | 0x2  # abstract unix sockets, signals
_NR_CREATE, _NR_ADD, _NR_RESTRICT = 444, 445, 446  # the same on every architecture
_PR_CAP_AMBIENT, _CLEAR_ALL = 47, 4
_PR_SET_NO_NEW_PRIVS = 38


def main():
    orders_fd = int(sys.argv[1])
    with open(orders_fd, closefd=True) as file:
        orders = json.load(file)
    hand_out_listeners(orders)
    keep_only(orders["keep"])
    for name, value in orders["rlimits"].items():
        lower_limit(getattr(resource, name), value)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_CAP_AMBIENT, _CLEAR_ALL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if orders["landlock"]:
        restrict(libc, orders["landlock"], orders["writable"])
    os.execve(orders["argv"][0], orders["argv"], orders["env"])


def hand_out_listeners(orders):
    """Listen where the host will look for its proxy and its egress, and give the sockets to the proxy outside."""
    if orders["handoff"] is None:
        return
    with socket.socket(fileno=orders["handoff"]) as handoff:
        listeners = [socket.create_server((ip, port), backlog=128) for ip, port in orders["listen"]]
        rights = array.array("i", [listener.fileno() for listener in listeners])
        handoff.sendmsg([b"L"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])


def keep_only(descriptors):
    """Close all that was not asked for, whoever left it open."""
    kept = sorted({0, 1, 2, *descriptors})
    for low, high in zip(kept, [*kept[1:], 4096], strict=True):
        os.closerange(low + 1, high)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, True)


def lower_limit(limit, value):
    _, hard = resource.getrlimit(limit)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (value, value))


def restrict(libc, abi, writable):
    """Landlock: read everything that is mounted, write only under these paths."""
    handled = _ALL_BY_ABI[max(known for known in _ALL_BY_ABI if known <= abi)]
    sizes = array.array("Q", [handled, 0, _SCOPES if abi >= 6 else 0])
    length = 24 if abi >= 6 else 16 if abi >= 4 else 8
    pointer = ctypes.c_void_p(sizes.buffer_info()[0])
    ruleset = checked(libc, libc.syscall(_NR_CREATE, pointer, ctypes.c_size_t(length), 0))
    allow(libc, ruleset, "/", _READ)
    for path in writable:
        allow(libc, ruleset, path, handled)
    checked(libc, libc.syscall(_NR_RESTRICT, ruleset, 0))
    os.close(ruleset)


def allow(libc, ruleset, path, rights):
    where = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(where).st_mode):
            rights &= _FILE_ONLY
        rule = ctypes.create_string_buffer(
            rights.to_bytes(8, sys.byteorder) + where.to_bytes(4, sys.byteorder), 12
        )
        checked(libc, libc.syscall(_NR_ADD, ruleset, 1, rule, 0))
    finally:
        os.close(where)


def checked(libc, answer):
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return answer


if __name__ == "__main__":
    try:
        main()
    except OSError as problem:
        sys.stderr.write(f"sandbox: the host could not be started: {problem}\n")
        sys.exit(126)
