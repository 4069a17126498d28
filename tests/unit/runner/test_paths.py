from __future__ import annotations

import stat
from pathlib import Path

import pytest

from runner.paths import (
    NotPrivate,
    SocketPathTooLong,
    control_socket,
    engine_socket,
    private_folder,
    write_private,
)

ENVIRONMENT = "0192e4a0-0000-7000-8000-0123456789ab"


def test_an_environments_sockets_are_named_by_the_end_of_its_id():
    assert engine_socket(Path("/run/w"), ENVIRONMENT) == Path("/run/w/e-0123456789ab.sock")
    assert control_socket(Path("/run/w"), ENVIRONMENT) == Path("/run/w/c-0123456789ab.sock")


def test_a_folder_too_deep_for_sockets_is_an_error_that_names_the_setting():
    with pytest.raises(SocketPathTooLong) as caught:
        engine_socket(Path("/" + "x" * 100), ENVIRONMENT)
    assert "WISTRO_RUN" in str(caught.value.hint)


def test_a_private_folder_is_made_and_an_open_one_refused(tmp_path):
    assert stat.S_IMODE(private_folder(tmp_path / "a").stat().st_mode) == 0o700

    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(NotPrivate):
        private_folder(tmp_path / "open")


def test_a_private_file_is_replaced_whole_and_its_owners_alone(tmp_path):
    file = tmp_path / "token"
    file.write_text("old, and readable by all")
    file.chmod(0o644)

    write_private(file, b"new")

    assert file.read_bytes() == b"new" and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
