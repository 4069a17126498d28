"""The system call filter: a classic BPF program, assembled here and handed to bubblewrap as bytes.

All is allowed but what reads other processes, makes namespaces or mounts, loads code into the kernel, or speaks
to it past the network stack. The kernel keeps a bitmap of calls that are allowed whatever their arguments
(since 5.11), so the length of the program costs a host nothing.
"""

from __future__ import annotations

import errno
import platform
import struct

from runner.sandbox.syscalls import AUDIT_ARCH, NEWEST, NUMBER

# linux/bpf_common.h
_LOAD_WORD = 0x20
_AND = 0x54
_JUMP_EQUAL = 0x15
_JUMP_GREATER = 0x25
_JUMP_GREATER_OR_EQUAL = 0x35
_JUMP_SET = 0x45
_RETURN = 0x06

# linux/seccomp.h; the offsets are those of struct seccomp_data on a little-endian machine
_KILL = 0x80000000
_ERROR = 0x00050000
_ALLOW = 0x7FFF0000
_AT_NUMBER, _AT_ARCH = 0, 4
_AT_ARGUMENT = (16, 24, 32, 40, 48, 56)

_X32 = 0x40000000
# CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET
_NEW_NAMESPACES = (
    0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
)
_SOCKET_FAMILIES = (1, 2, 10)  # unix, inet, inet6: no netlink, packet, vsock, alg, bluetooth…
_SOCKET_TYPES = (1, 2, 5)  # stream, datagram, seqpacket: nothing raw
_SOCKET_TYPE_MASK = 0xF
_TERMINAL_INJECTION = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: typing into the terminal of another
_PERSONALITIES = (0, 0xFFFFFFFF)

_BY_ARGUMENT = {"clone", "clone3", "socket", "ioctl", "personality"}


def program(machine: str | None = None) -> bytes:
    """The filter for this machine's (or the named) architecture, as an array of `struct sock_filter`."""
    machine = machine or platform.machine()
    numbers = NUMBER[machine]
    code = [
        _at(_AT_ARCH),
        _jump(_JUMP_EQUAL, AUDIT_ARCH[machine], then=1, otherwise=0),
        _return(_KILL),
        _at(_AT_NUMBER),
    ]
    if machine == "x86_64":
        code += [_jump(_JUMP_GREATER_OR_EQUAL, _X32, then=0, otherwise=1), _return(_KILL)]
    code += [_jump(_JUMP_GREATER, NEWEST, then=0, otherwise=1), _refuse(errno.ENOSYS)]
    for name, number in sorted(numbers.items(), key=lambda pair: pair[1]):
        body = _by_argument(name) if name in _BY_ARGUMENT else [_refuse(errno.EPERM)]
        code += [_jump(_JUMP_EQUAL, number, then=0, otherwise=len(body)), *body]
    return b"".join([*code, _return(_ALLOW)])


def _by_argument(name: str) -> list[bytes]:
    """The rest of the program once the call is known; every path of it returns."""
    if name == "clone":
        return [
            _at(_AT_ARGUMENT[0]),
            _jump(_JUMP_SET, _NEW_NAMESPACES, then=0, otherwise=1),
            _refuse(errno.EPERM),
            _return(_ALLOW),
        ]
    if name == "clone3":  # its flags lie behind a pointer; the C library falls back to clone
        return [_refuse(errno.ENOSYS)]
    if name == "socket":
        return [
            *_one_of(_AT_ARGUMENT[0], _SOCKET_FAMILIES, otherwise=errno.EAFNOSUPPORT),
            *_one_of(_AT_ARGUMENT[1], _SOCKET_TYPES, otherwise=errno.EPERM, mask=_SOCKET_TYPE_MASK),
            _return(_ALLOW),
        ]
    if name == "personality":
        return [
            *_one_of(_AT_ARGUMENT[0], _PERSONALITIES, otherwise=errno.EPERM),
            _return(_ALLOW),
        ]
    refused = [
        line
        for request in _TERMINAL_INJECTION
        for line in (_jump(_JUMP_EQUAL, request, then=0, otherwise=1), _refuse(errno.EPERM))
    ]
    return [_at(_AT_ARGUMENT[1]), *refused, _return(_ALLOW)]


def _one_of(at: int, allowed: tuple[int, ...], *, otherwise: int, mask: int = 0) -> list[bytes]:
    """Fall through when the argument is one of these; refuse it when not."""
    head = [_at(at)] + ([_instruction(_AND, mask)] if mask else [])
    jumps = [
        _jump(_JUMP_EQUAL, value, then=len(allowed) - place, otherwise=0)
        for place, value in enumerate(allowed)
    ]
    return [*head, *jumps, _refuse(otherwise)]


def _at(offset: int) -> bytes:
    return _instruction(_LOAD_WORD, offset)


def _jump(kind: int, value: int, *, then: int, otherwise: int) -> bytes:
    return _instruction(kind, value, then=then, otherwise=otherwise)


def _return(value: int) -> bytes:
    return _instruction(_RETURN, value)


def _refuse(error: int) -> bytes:
    return _return(_ERROR | error)


def _instruction(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("<HBBI", code, then, otherwise, value)
