from __future__ import annotations

import stat

import pytest

from runner.gateway.sealed import KeyBesideData, SealedTable
from runner.paths import NotPrivate
from tests.factories.routing import KEY, a_table


def test_a_table_is_kept_and_found_by_the_next_process(tmp_path):
    SealedTable(tmp_path / "gateway").keep(a_table(serial=3))

    assert SealedTable(tmp_path / "gateway").last() == a_table(serial=3)


def test_nothing_in_the_data_folder_can_be_read_without_the_key(tmp_path):
    sealed = SealedTable(tmp_path / "gateway")
    sealed.keep(a_table())

    content = b"".join(file.read_bytes() for file in (tmp_path / "gateway").iterdir())

    assert KEY not in content and b"dev--shop" not in content and b"environments" not in content
    key = tmp_path / "gateway.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600 and len(key.read_bytes()) == 32


def test_no_table_yet_is_none(tmp_path):
    assert SealedTable(tmp_path / "gateway").last() is None


@pytest.mark.parametrize("position", [0, 20, 40, -1])
def test_a_changed_or_foreign_table_is_not_opened(tmp_path, caplog, position):
    sealed = SealedTable(tmp_path / "gateway")
    sealed.keep(a_table())
    file = tmp_path / "gateway" / "routing.sealed"
    content = bytearray(file.read_bytes())
    content[position] ^= 1
    file.write_bytes(bytes(content))

    assert sealed.last() is None and "cannot be opened" in caplog.text


def test_a_table_is_not_opened_by_another_key(tmp_path, caplog):
    SealedTable(tmp_path / "gateway").keep(a_table())
    (tmp_path / "gateway.key").unlink()

    assert SealedTable(tmp_path / "gateway").last() is None


def test_a_truncated_table_is_not_opened(tmp_path, caplog):
    sealed = SealedTable(tmp_path / "gateway")
    (tmp_path / "gateway" / "routing.sealed").write_bytes(b"wistro-routing-1\nshort")

    assert sealed.last() is None


def test_a_key_in_the_data_folder_or_open_to_others_is_refused(tmp_path):
    with pytest.raises(KeyBesideData):
        SealedTable(tmp_path / "gateway", key=tmp_path / "gateway" / "key")

    key = tmp_path / "key"
    key.write_bytes(bytes(32))
    key.chmod(0o640)
    with pytest.raises(NotPrivate):
        SealedTable(tmp_path / "gateway", key=key)
