from __future__ import annotations

from pathlib import Path

import pytest

from wistro.control.client import Running
from wistro.control.place import NotOurs, check_folder, make_folder, socket_of


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


def test_each_project_has_a_socket_of_its_own_wherever_it_is_asked_from(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")

    assert socket_of(tmp_path / "a") == socket_of(Path())
    assert socket_of(tmp_path / "a") != socket_of(tmp_path / "b")
    assert socket_of(tmp_path / "a").parent.parent == runtime


def test_a_folder_that_others_may_enter_is_not_used(tmp_path: Path) -> None:
    socket = socket_of(tmp_path)
    make_folder(socket)
    check_folder(socket)
    socket.parent.chmod(0o755)

    with pytest.raises(NotOurs):
        make_folder(socket)
    with pytest.raises(NotOurs):
        Running.find(tmp_path)


def test_a_link_in_the_folders_place_is_not_followed(tmp_path: Path) -> None:
    socket = socket_of(tmp_path)
    (tmp_path / "theirs").mkdir(mode=0o700)
    socket.parent.symlink_to(tmp_path / "theirs")

    with pytest.raises(NotOurs):
        make_folder(socket)


def test_nobody_runs_where_a_dead_engine_left_its_socket(tmp_path: Path) -> None:
    import socket as sockets

    path = socket_of(tmp_path)
    make_folder(path)
    with sockets.socket(sockets.AF_UNIX) as left:
        left.bind(str(path))

    assert Running.find(tmp_path) is None
