"""The lock file: what is refused, and how."""

from __future__ import annotations

from pathlib import Path

import pytest

from wistro.errors import UserError
from wistro.lock import diff, file
from wistro.lock.picture import graph

GOLDEN = (Path(__file__).parents[3] / "golden" / "lock" / "project.lock").read_bytes()


@pytest.mark.parametrize(
    ("data", "code", "where"),
    [
        (GOLDEN.replace(b"Charge card", b"Charge cord"), "lock.damaged", "wistro.yml.lock"),
        (GOLDEN[: len(GOLDEN) // 2], "", "wistro.yml.lock"),
        (GOLDEN.replace(b"lock: 1\n", b"lock: 2\n", 1), "lock.newer", ""),
        (b"", "lock.damaged", "wistro.yml.lock:1"),
        (b"<<<<<<< ours\n" + GOLDEN, "", "wistro.yml.lock"),
        (b"a: &x 1\nb: *x\n", "yaml.unreadable", "wistro.yml.lock:1"),
        (b"a: !!python/object:os.system {}\n", "yaml.unreadable", "wistro.yml.lock:1"),
        (b"a: 1\na: 2\n", "yaml.unreadable", "wistro.yml.lock:2"),
        (b"[" * 40 + b"]" * 40, "yaml.unreadable", "wistro.yml.lock:1"),
        (b"a: 1\n---\nb: 2\n", "yaml.unreadable", "wistro.yml.lock:2"),
        (b"a: \xff\n", "yaml.unreadable", "wistro.yml.lock:1"),
        (b"#" * (file.MAX_BYTES + 1), "lock.too-large", "wistro.yml.lock"),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else None,
)
def test_a_lock_that_is_none_is_refused(data: bytes, code: str, where: str):
    with pytest.raises(UserError) as refused:
        file.parse(data)

    assert refused.value.code.startswith(code)
    assert (refused.value.where or "").startswith(where)


def test_a_missing_lock_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(file.NoLock) as refused:
        file.read(tmp_path / file.NAME)

    assert "wistro lock" in (refused.value.hint or "")


def test_a_lock_that_leads_out_of_the_project_is_refused(tmp_path: Path):
    lock = file.parse(GOLDEN)
    lock.steps["src/report"].files = ["../../etc/passwd"]

    with pytest.raises(file.DamagedLock):
        file.verify(tmp_path, lock)


def test_a_lock_does_not_differ_from_itself():
    assert diff.changes(file.parse(GOLDEN), file.parse(GOLDEN)) == []


def test_changes_are_said_in_words():
    old, new = file.parse(GOLDEN), file.parse(GOLDEN)
    new.steps["src/orders/charge"].config.timeout = "1m"
    new.steps["src/orders/note"].config.subscribes.remove("report.due")
    del new.steps["src/report"]
    new.triggers.api[0].path = "/baskets/:shop"

    said = "\n".join(diff.changes(old, file.parse(file.write(new))))

    assert "step `src/orders/charge` timeout: 10s -> 1m" in said
    assert "step `src/report` is gone" in said
    assert "/baskets/:shop" in said


def test_the_picture_has_every_step_and_entry_and_marks_what_is_only_drawn():
    drawn = graph(file.parse(GOLDEN))

    assert {(node.kind, node.label) for node in drawn.nodes} == {
        ("api", "Create order"),
        ("api", "POST /webhooks/stock"),
        ("cron", "Weekly"),
        ("cron", "nightly"),
        ("event", "Charge card"),
        ("event", "Note payment"),
        ("noop", "Courier picks up"),
    }
    edges = {
        (one.source, one.target, one.topic, one.virtual, one.conditional) for one in drawn.edges
    }
    assert ("src/orders/create", "src/orders/charge", "order.created", False, False) in edges
    assert ("src/orders/charge", "src/orders/note", "payment.failed", False, True) in edges
    assert ("src/orders/charge", "src/orders/pickup", "payment.done", True, False) in edges
