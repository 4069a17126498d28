from __future__ import annotations

from pathlib import Path

import pytest

from wistro.lock.model import ApiTrigger, Lock, Triggers, Variable
from wistro.variables import UnreadableEnvFile, parse, values_for


def a_lock(*env: Variable, secret: str | None = None) -> Lock:
    auth = [{"type": "hmac", "preset": "github", "secret": [f"${secret}"]}] if secret else []
    triggers = Triggers(api=[ApiTrigger("POST", "/hook", "api:POST /hook", auth=auth)])
    return Lock(lock=1, digest="sha256:0", env=list(env), triggers=triggers)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A=1", {"A": "1"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("export A = 1 # why", {"A": "1"}),
        ("A=a#b", {"A": "a#b"}),
        ("A=# nothing", {"A": ""}),
        ("A=", {"A": ""}),
        ("# A=1\n\n  B=2", {"B": "2"}),
        ("A=' # '  # why", {"A": " # "}),
        ('A="x\\ny\\"z\\\\"', {"A": 'x\ny"z\\'}),
        ("A='x\\n'", {"A": "x\\n"}),
        ('PEM="-----\nabc\n-----"\nB=ü', {"PEM": "-----\nabc\n-----", "B": "ü"}),
        ("A=x=y", {"A": "x=y"}),
        ("A=1\nA=2", {"A": "2"}),
    ],
)
def test_env_file_is_read_as_people_write_it(text: str, found: dict[str, str]) -> None:
    assert parse(text) == found


@pytest.mark.parametrize(
    ("text", "line"),
    [("A=1\nnonsense", 2), ("1A=x", 1), ("\n\nA='open", 3), ("A='x' y", 1), ('A="x\nB=1\n', 1)],
)
def test_a_line_that_is_no_assignment_is_named(text: str, line: int) -> None:
    with pytest.raises(UnreadableEnvFile) as caught:
        parse(text)

    assert caught.value.where == f".env:{line}"


def test_the_process_wins_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=file\nB=file\nUNDECLARED=x\n")
    lock = a_lock(Variable("A"), Variable("B", "default"), Variable("C", "default"))

    values = values_for(lock, tmp_path, {"A": "process", "PATH": "/bin"})

    assert values.found == {"A": "process", "B": "file", "C": "default"}
    assert values.missing == []


def test_variables_of_policies_are_needed_too(tmp_path: Path) -> None:
    lock = a_lock(Variable("A"), secret="HOOK_SECRET")

    values = values_for(lock, tmp_path, {"A": ""})

    assert values.found == {"A": ""}
    assert values.missing == ["HOOK_SECRET"]
