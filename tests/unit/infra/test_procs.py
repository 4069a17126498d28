"""Processes are told apart by more than their pid."""

import os
import signal
import subprocess
import sys

import pytest

from infra import ports, procs
from infra.place import Place, Ports
from infra.terminal import Failed


@pytest.fixture
def sleeper():
    popen = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield popen
    popen.kill()
    popen.wait()


def test_a_later_process_with_the_same_pid_is_not_signalled(sleeper):
    earlier = procs.Identity(sleeper.pid, "1")

    assert procs.send(earlier, signal.SIGKILL) is False
    assert sleeper.poll() is None


def test_an_identified_process_is_ended(sleeper):
    identity = procs.identify(sleeper.pid)
    assert identity is not None

    assert procs.end([identity], grace_s=10) == 1
    assert procs.identify(sleeper.pid) is None


def test_one_that_ignores_the_first_signal_is_killed():
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); signal.pause()"
    popen = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert popen.stdout is not None
    popen.stdout.readline()
    identity = procs.identify(popen.pid)
    assert identity is not None

    procs.end([identity], grace_s=0.1)

    assert popen.wait(10) == -signal.SIGKILL
    popen.stdout.close()


def test_descendants_are_found_through_their_parents():
    code = "import subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); p.wait()"
    popen = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True
    )
    assert popen.stdout is not None
    below = int(popen.stdout.readline())

    try:
        assert below in {one.pid for one in procs.descendants([popen.pid])}
    finally:
        os.killpg(popen.pid, signal.SIGKILL)
        popen.wait()
        popen.stdout.close()


@pytest.mark.skipif(not procs.LINUX, reason="environments of processes are read from /proc")
def test_topmost_are_those_that_no_other_of_them_started():
    code = (
        "import subprocess, sys\n"
        "inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(inner.pid, flush=True); inner.wait()"
    )
    outer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert outer.stdout is not None
    inner = procs.identify(int(outer.stdout.readline()))
    top = procs.identify(outer.pid)
    assert inner is not None and top is not None
    try:
        assert procs.topmost([inner, top]) == [top]
        assert procs.topmost([inner]) == [inner]
    finally:
        procs.end([inner, top], grace_s=10)
        outer.wait()
        outer.stdout.close()


def test_what_was_started_in_a_place_is_known_by_its_mark():
    env = {**os.environ, "WISTRO_UP": "deadbeef"}
    popen = subprocess.Popen(
        [sys.executable, "-c", "print('on', flush=True); import time; time.sleep(60)"],
        env=env,
        stdout=subprocess.PIPE,
    )
    assert popen.stdout is not None
    popen.stdout.readline()

    try:
        assert popen.pid in {one.pid for one in procs.marked("deadbeef")}
        assert not procs.marked("deadbee")
    finally:
        popen.kill()
        popen.wait()
        popen.stdout.close()


def test_a_taken_port_names_its_holder_and_the_way_out(tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        place = Place(data=tmp_path, ports=Ports(taken, *ports.free_ports(3)))

        with pytest.raises(Failed) as refused:
            ports.refuse_taken(place)

    assert f"port {taken} (the Hub) is taken by" in refused.value.message
    assert f"pid {os.getpid()}" in refused.value.message
    assert "WISTRO_PORT_HUB=" in refused.value.hint
