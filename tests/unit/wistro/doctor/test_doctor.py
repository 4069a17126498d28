"""Each look on what is broken, and on the same thing whole."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.ports import free_ports
from wistro.cli import run
from wistro.dev.one_engine import OneEngine
from wistro.doctor import hub, machine, project, running
from wistro.doctor.finding import Finding
from wistro.store.sqlite import SqliteStore

STEP = 'config = {"type": "noop", "name": "A", "flows": ["f"]}\n'
API = (
    'config = {"type": "api", "name": "A", "method": "GET", "path": "/a", "public": True, "emits": []}\n'
    "async def handler(req, ctx): ...\n"
)


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose lock is current."""
    root = tmp_path / "p"
    (root / "src").mkdir(parents=True)
    (root / "src" / "a.step.py").write_text(API)
    (root / "wistro.yml").write_text("env: [{name: PLACE, default: here}]\n")
    assert run(["lock", str(root)]) == 0
    return root


def looked(root: Path, **environ: str) -> dict[str, Finding]:
    found = list(project.every(root, {"PATH": "/usr/bin:/bin"} | environ))
    return {one.name: one for one in found}


def test_a_sound_project_is_said_to_be_so(root: Path) -> None:
    found = looked(root)

    assert {one.verdict for name, one in found.items() if name != "sdk"} == {"good"}
    assert found["project"].says == "1 step, wistro.yml"
    assert found["lock"].says.startswith("1 steps")


def test_a_step_that_is_no_more_that_of_the_lock_is_broken(root: Path) -> None:
    (root / "src" / "a.step.py").write_text(API + "# changed\n")

    lock = looked(root)["lock"]

    assert (lock.verdict, "`src/a` differs from the lock" in lock.says) == ("bad", True)
    assert "wistro lock" in lock.do


def test_a_variable_without_a_value_is_broken_until_it_has_one(root: Path) -> None:
    (root / "wistro.yml").write_text("env: [SECRET]\n")
    run(["lock", str(root)])

    missing, given = looked(root), looked(root, SECRET="x")

    assert (missing["variables"].verdict, given["variables"].verdict) == ("bad", "good")
    assert missing["variables"].says == "without a value: SECRET"


def test_a_package_that_is_asked_for_and_not_there_is_named(root: Path) -> None:
    (root / "requirements.txt").write_text(
        "# ours\nmsgspec>=0.18\nno-such-package==1.0  # gone\n-r other.txt\n"
        'only-elsewhere; sys_platform == "win32"\ngit+https://example.com/x.git\n'
    )

    packages = looked(root)["packages"]

    assert packages.verdict == "bad"
    assert packages.says == "Python: not installed: no-such-package"
    assert packages.do == "Run `wistro install`."


def test_a_runtime_that_is_not_on_this_machine_is_broken(root: Path) -> None:
    (root / "wistro.yml").write_text('runtimes: {python: "3.2"}\n')

    assert looked(root)["python"].verdict == "bad"


def test_settings_that_cannot_be_read_are_told_with_their_line(root: Path) -> None:
    (root / "wistro.yml").write_text("name: shop\nsrcs: x\n")

    found = looked(root)["project"]

    assert found.verdict == "bad" and "(wistro.yml:2)" in found.says


def test_a_damaged_store_is_broken_and_a_whole_one_is_not(root: Path) -> None:
    path = root / ".wistro" / "store.db"
    SqliteStore(path, stream="s")._db.close()
    (whole,) = running.kept(root)
    for beside in root.glob(".wistro/store.db-*"):
        beside.unlink()
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)
    (damaged,) = running.kept(root)

    assert (whole.verdict, damaged.verdict) == ("good", "bad")
    assert "put a copy of it in its place" in damaged.do


def test_an_engine_that_does_not_answer_is_told_from_none(root: Path) -> None:
    (root / ".wistro").mkdir(exist_ok=True)
    none, _ = running.engine(root)
    with OneEngine(root / ".wistro", "wistro dev"):
        silent, view = running.engine(root)

    assert (none.verdict, none.says) == ("good", "none runs")
    assert silent.verdict == "bad" and "does not answer" in silent.says
    assert view is None


async def test_state_that_is_kept_where_nobody_answers_is_broken(root: Path) -> None:
    in_store = await running.state(root)
    (root / "wistro.yml").write_text("state: {adapter: files}\n")
    in_files = await running.state(root)
    gone = f"redis://127.0.0.1:{free_ports(1)[0]}/0"
    (root / "wistro.yml").write_text(f"state: {{adapter: redis, url: '{gone}'}}\n")
    away = await running.state(root)

    assert in_store is None
    assert in_files is not None and in_files.verdict == "good"
    assert away is not None and away.verdict == "bad" and "Redis does not answer" in away.says


@pytest.mark.parametrize(("took_s", "verdict"), [(0.0004, "good"), (0.2, "note")])
def test_a_slow_disk_is_worth_knowing(tmp_path: Path, took_s: float, verdict: str) -> None:
    def clock() -> Iterator[float]:
        at = 0.0
        while True:
            yield at
            at += took_s

    times = clock()

    found = machine.sync(tmp_path, clock=lambda: next(times))

    assert found.verdict == verdict
    assert f"{took_s * 1e3:.1f} ms" in found.says


def test_a_port_that_is_taken_is_told_with_the_option_that_changes_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        found = machine.port(number, "--port")

    assert found.verdict == "note" and found.do == "Choose another: --port <port>."
    assert machine.port(free_ports(1)[0], "--port").verdict == "good"


def test_a_hub_that_is_not_reached_is_broken_only_for_who_uses_one(
    root: Path, tmp_path: Path
) -> None:
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    gone = f"http://127.0.0.1:{free_ports(1)[0]}"

    (unused,) = hub.every(root, home)
    (used,) = hub.every(root, home | {"WISTRO_HUB_URL": gone, "WISTRO_TOKEN": "t"})

    assert unused.verdict == "good" and unused.says.startswith("not used")
    assert used.verdict == "bad" and used.do


def test_the_command_exits_1_when_something_is_broken(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("WISTRO_HUB_URL", "WISTRO_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    sound = run(["doctor", str(root), "--json"])
    said = json.loads(capsys.readouterr().out)
    (root / "src" / "a.step.py").write_text(API + "# changed\n")
    broken = run(["doctor", str(root), "--offline"])
    shown = capsys.readouterr()

    assert (sound, said["broken"], broken) == (0, 0, 1)
    assert {"wistro", "python", "lock", "disk", "fsync", "hub"} <= {
        one["name"] for one in said["findings"]
    }
    assert "✗ lock" in shown.out and "1 broken" in shown.err
