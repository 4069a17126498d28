from __future__ import annotations

import errno

import pytest

from runner.sandbox import seccomp
from runner.sandbox.syscalls import AUDIT_ARCH, NUMBER
from tests.unit.runner.sandbox.bpf import ALLOW, KILL, refused, verdict

MACHINES = sorted(AUDIT_ARCH)
BY_ARGUMENT = {"clone", "clone3", "socket", "ioctl", "personality"}
READ = {"x86_64": 0, "aarch64": 63}
FORK, CLONE_NEWUSER, THREAD = 17, 0x10000000, 0x3D0F00


def ask(machine: str, name: str, *arguments: int) -> int:
    number = NUMBER[machine][name]
    return verdict(
        seccomp.program(machine), number=number, arch=AUDIT_ARCH[machine], arguments=arguments
    )


@pytest.mark.parametrize("machine", MACHINES)
def test_every_named_call_is_refused(machine: str) -> None:
    plainly = [name for name in NUMBER[machine] if name not in BY_ARGUMENT]

    assert {ask(machine, name) for name in plainly} == {refused(errno.EPERM)}


@pytest.mark.parametrize("machine", MACHINES)
def test_an_ordinary_call_is_allowed(machine: str) -> None:
    arch = AUDIT_ARCH[machine]

    assert verdict(seccomp.program(machine), number=READ[machine], arch=arch) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_another_architectures_calls_kill(machine: str) -> None:
    assert verdict(seccomp.program(machine), number=READ[machine], arch=0x40000003) == KILL


def test_the_x32_calls_of_x86_64_kill() -> None:
    number = 0x40000000 | NUMBER["x86_64"]["ptrace"]

    assert verdict(seccomp.program("x86_64"), number=number, arch=AUDIT_ARCH["x86_64"]) == KILL


@pytest.mark.parametrize("machine", MACHINES)
def test_a_call_newer_than_the_list_is_unknown(machine: str) -> None:
    program = seccomp.program(machine)

    found = verdict(program, number=463, arch=AUDIT_ARCH[machine])

    assert found == refused(errno.ENOSYS)


@pytest.mark.parametrize("machine", MACHINES)
def test_threads_and_forks_are_allowed_and_namespaces_are_not(machine: str) -> None:
    assert ask(machine, "clone", FORK) == ALLOW
    assert ask(machine, "clone", THREAD) == ALLOW
    assert ask(machine, "clone", FORK | CLONE_NEWUSER) == refused(errno.EPERM)
    assert ask(machine, "clone3") == refused(errno.ENOSYS)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("family", "kind", "expected"),
    [
        (1, 1, ALLOW),
        (2, 1 | 0x80000 | 0x800, ALLOW),  # SOCK_CLOEXEC | SOCK_NONBLOCK
        (2, 2, ALLOW),
        (10, 1, ALLOW),
        (2, 3, refused(errno.EPERM)),
        (10, 3 | 0x80000, refused(errno.EPERM)),
        (16, 3, refused(errno.EAFNOSUPPORT)),
        (17, 2, refused(errno.EAFNOSUPPORT)),
        (38, 5, refused(errno.EAFNOSUPPORT)),
        (40, 1, refused(errno.EAFNOSUPPORT)),
    ],
)
def test_sockets_are_of_the_internet_or_of_files(
    machine: str, family: int, kind: int, expected: int
) -> None:
    assert ask(machine, "socket", family, kind) == expected


@pytest.mark.parametrize("machine", MACHINES)
def test_typing_into_a_terminal_is_refused_and_reading_its_size_is_not(machine: str) -> None:
    assert ask(machine, "ioctl", 0, 0x5412) == refused(errno.EPERM)
    assert ask(machine, "ioctl", 0, 0x541C) == refused(errno.EPERM)
    assert ask(machine, "ioctl", 0, 0x5413) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_a_personality_may_be_asked_but_not_changed(machine: str) -> None:
    assert ask(machine, "personality", 0xFFFFFFFF) == ALLOW
    assert ask(machine, "personality", 0x0040000) == refused(errno.EPERM)
