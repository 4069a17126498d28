"""The launcher against this machine's kernel: descriptors, death, limits, the environment."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.sandbox import OFF, SandboxLauncher
from tests.integration.runner.sandbox.world import end, run
from wistro.hosts.port import Bind, Launch, LaunchFailed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
LIMIT_S = 20


@pytest.fixture(scope="module")
def launcher() -> Iterator[SandboxLauncher]:
    launcher = SandboxLauncher(network=OFF)
    yield launcher
    launcher.close()


def a_python(source: str, folder: Path, **more) -> Launch:
    argv = [sys.executable, "-I", "-c", source]
    return Launch(argv, folder, more.pop("env", {}), more.pop("fds", {}), **more)


def test_a_host_talks_over_the_socket_it_inherits(
    launcher: SandboxLauncher, tmp_path: Path
) -> None:
    ours, theirs = socket.socketpair()
    source = "import socket; s = socket.socket(fileno=7); s.sendall(s.recv(10).upper())"
    launched = launcher.launch(a_python(source, tmp_path, fds={7: theirs.fileno()}))
    theirs.close()

    ours.settimeout(LIMIT_S)
    ours.sendall(b"hello")

    assert ours.recv(10) == b"HELLO"
    assert ours.recv(10) == b""  # nobody else in the sandbox holds the other end
    end(launcher, launched)
    ours.close()


def test_only_the_given_descriptors_are_open(launcher: SandboxLauncher, tmp_path: Path) -> None:
    leaked = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(leaked, True)

    said, _ = run(launcher, a_python("import os; print(os.listdir('/proc/self/fd'))", tmp_path))

    os.close(leaked)
    assert said.strip() == "['0', '1', '2', '3']"  # 3 is the listing itself


def test_the_environment_is_what_was_given_and_never_seen_outside(
    launcher: SandboxLauncher, tmp_path: Path
) -> None:
    source = "import os; print(os.environ['LD_PRELOAD'], 'PYTEST_CURRENT_TEST' in os.environ)"
    env = {"LD_PRELOAD": "", "COLOUR": "blue"}

    said, _ = run(launcher, a_python(source, tmp_path, env=env))

    assert said.split() == ["False"]


def test_a_preloaded_library_is_not_loaded_by_our_own_programs(
    launcher: SandboxLauncher, tmp_path: Path
) -> None:
    env = {"LD_PRELOAD": "/nowhere/evil.so"}

    _, complained = run(launcher, Launch(["/bin/true"], tmp_path, env, {}))

    assert (
        complained.count("/nowhere/evil.so") == 1
    )  # `true` alone complains; bwrap and the stub did not try


def test_death_is_seen_at_the_pidfd_with_its_code(
    launcher: SandboxLauncher, tmp_path: Path
) -> None:
    launched = launcher.launch(a_python("raise SystemExit(7)", tmp_path))

    assert select.select([launched.pidfd], [], [], LIMIT_S)[0]
    info = os.waitid(os.P_PIDFD, launched.pidfd, os.WEXITED | os.WNOWAIT)

    assert info is not None and info.si_status == 7
    end(launcher, launched)


def test_killing_ends_grandchildren_too(launcher: SandboxLauncher, tmp_path: Path) -> None:
    read, write = os.pipe()
    source = (
        "import os, time\n"
        "os.fork() or os.setsid() or os.fork() or (os.write(1, b'x'), time.sleep(600))\n"
        "time.sleep(600)"
    )
    launched = launcher.launch(a_python(source, tmp_path, fds={1: write}))
    os.close(write)
    assert os.read(read, 1) == b"x"

    end(launcher, launched)

    assert select.select([read], [], [], LIMIT_S)[0]
    assert os.read(read, 1) == b""  # the last holder of the pipe is gone
    os.close(read)


def test_killing_twice_does_nothing(launcher: SandboxLauncher, tmp_path: Path) -> None:
    launched = launcher.launch(a_python("pass", tmp_path))

    launcher.kill(launched)
    end(launcher, launched)


def test_a_sandbox_dies_with_the_process_that_launched_it(tmp_path: Path) -> None:
    source = f"""
import os, sys, time
from pathlib import Path
from runner.sandbox import OFF, SandboxLauncher
from wistro.hosts.port import Launch
code = "import time; print('up', flush=True); time.sleep(600)"
SandboxLauncher(network=OFF).launch(
    Launch([sys.executable, "-I", "-c", code], Path({str(tmp_path)!r}), {{}}, {{1: 1}}))
sys.stdin.read()
os._exit(9)
"""
    engine = subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert engine.stdin and engine.stdout
    assert engine.stdout.readline() == b"up\n"

    engine.kill()

    assert select.select([engine.stdout], [], [], LIMIT_S)[0]
    assert engine.stdout.read() == b""
    engine.wait(LIMIT_S)
    engine.stdin.close()
    engine.stdout.close()


def test_a_writable_bind_is_written_and_a_plain_one_is_not(
    launcher: SandboxLauncher, tmp_path: Path
) -> None:
    for name in ("open", "shut"):
        (tmp_path / name).mkdir()
    binds = [
        Bind(tmp_path / "open", Path("/work/open"), writable=True),
        Bind(tmp_path / "shut", Path("/work/shut")),
    ]
    source = "open('/work/open/file', 'w').write('x'); open('/work/shut/file', 'w')"

    _, complained = run(launcher, a_python(source, tmp_path, binds=binds))

    assert "/work/shut/file" in complained
    assert (tmp_path / "open/file").read_text() == "x"
    assert not (tmp_path / "shut/file").exists()


def test_a_home_that_is_not_there_is_replaced_and_a_writable_one_is_kept(
    launcher: SandboxLauncher, tmp_path: Path
) -> None:
    source = "import os; print(os.environ['HOME'])"
    env = {"HOME": str(tmp_path)}
    writable = [Bind(tmp_path, tmp_path, writable=True)]

    replaced, _ = run(launcher, a_python(source, tmp_path, env=env))
    kept, _ = run(launcher, a_python(source, tmp_path, env=env, binds=writable))

    assert (replaced.strip(), kept.strip()) == ("/tmp", str(tmp_path))


def test_binding_usr_again_does_not_bring_its_settings_back(
    launcher: SandboxLauncher, tmp_path: Path
) -> None:
    source = "import os; print(os.path.isdir('/usr/etc') and os.listdir('/usr/etc') or 'nothing')"

    said, _ = run(launcher, a_python(source, tmp_path, binds=[Bind(Path("/usr"), Path("/usr"))]))

    assert said.strip() == "nothing"


def test_a_missing_folder_is_said(launcher: SandboxLauncher, tmp_path: Path) -> None:
    binds = [Bind(tmp_path / "missing", Path("/work"))]

    _, complained = run(launcher, a_python("pass", tmp_path, binds=binds))

    assert "missing" in complained


def test_an_unreadable_egress_entry_fails_the_launch(
    launcher: SandboxLauncher, tmp_path: Path
) -> None:
    with pytest.raises(LaunchFailed, match="is not a host and a port"):
        launcher.launch(a_python("pass", tmp_path, egress=["nonsense"]))


def test_the_last_layers_are_on_where_the_report_says_so(
    launcher: SandboxLauncher, tmp_path: Path
) -> None:
    source = "print(open('/proc/self/status').read())"

    said, _ = run(launcher, a_python(source, tmp_path))

    state = dict(line.split(":\t", 1) for line in said.splitlines() if ":\t" in line)
    assert (state["Seccomp"], state["NoNewPrivs"], state["CapEff"]) == ("2", "1", "0" * 16)
    assert launcher.report()["seccomp"] == "on"


def test_a_launch_whose_proxy_has_just_died_leaves_nothing_behind(tmp_path: Path) -> None:
    launcher = SandboxLauncher()
    launcher._proxy.handoff().close()  # starts it
    control = launcher._proxy._control
    dead, other_end = socket.socketpair()
    other_end.close()
    launcher._proxy._control = dead
    before = sorted(Path("/proc/self/fd").iterdir())

    with pytest.raises(LaunchFailed):
        launcher.launch(a_python("import time; time.sleep(600)", tmp_path))

    assert launcher._running_by_pid == {}
    assert sorted(Path("/proc/self/fd").iterdir()) == before
    dead.close()
    launcher._proxy._control = control
    launcher.close()
