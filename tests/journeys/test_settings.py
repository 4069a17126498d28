"""What the journeys show holds for `make up`: their settings differ in the named ones only."""

from __future__ import annotations

from pathlib import Path

from infra.place import Place
from infra.processes import PROCESSES, command, environment
from infra.settings import make_up, secrets_of, settings_of
from tests.doubles.github import GitHub
from tests.journeys.systems import DIFFERS, a_place


def neutral(text: str, place: Place) -> str:
    """A setting without what differs between any two places: folders, ports and keys."""
    named = {str(place.data): "<data>", str(place.run): "<run>", **secret_names(place)}
    ports = {str(getattr(place.ports, port)): f"<{port}>" for port in place.ports.names()}
    if text in ports:
        return ports[text]
    named |= {f":{port}": f":{name}" for port, name in ports.items()}
    for value in sorted(named, key=len, reverse=True):
        text = text.replace(value, named[value])
    return text


def secret_names(place: Place) -> dict[str, str]:
    return {value: f"<{name}>" for name, value in secrets_of(place).items()}


def test_a_journeys_settings_are_make_ups_but_for_the_named_ones(tmp_path: Path):
    with GitHub.start(tmp_path / "github") as github:
        ours = a_place(tmp_path / "journey", github)
    theirs = make_up({}, data=tmp_path / "up")

    ours_by_name = {name: neutral(text, ours) for name, text in settings_of(ours).items()}
    theirs_by_name = {name: neutral(text, theirs) for name, text in settings_of(theirs).items()}

    names = {*ours_by_name, *theirs_by_name}
    differing = {one for one in names if ours_by_name.get(one) != theirs_by_name.get(one)}
    assert differing == set(DIFFERS)
    assert ours.durable is theirs.durable is True


def test_a_journeys_processes_are_make_ups(tmp_path: Path):
    with GitHub.start(tmp_path / "github") as github:
        ours = a_place(tmp_path / "journey", github)
    theirs = make_up({}, data=tmp_path / "up")

    for process in PROCESSES:
        assert [neutral(word, ours) for word in command(process, ours)] == [
            neutral(word, theirs) for word in command(process, theirs)
        ]
        seen = environment(process, ours)
        assert {one for one in seen if one not in environment(process, theirs)} <= set(DIFFERS)
