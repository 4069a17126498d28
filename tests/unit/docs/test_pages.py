"""What the pages say is there: the files they link to, the commands and options they name, every key of a config."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra import commands, reference
from wistro.compiler.config import KEYS
from wistro.compiler.settings import Reader
from wistro.lock.model import Lock
from wistro.protocol import machine

DOCS = reference.ROOT / "docs"
PAGES = sorted(
    [
        *DOCS.rglob("*.md"),
        *reference.ROOT.glob("*.md"),
        *reference.ROOT.glob("examples/*/README.md"),
    ]
)
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)|(?:srcset|src)=\"([^\"]+)\"")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^\$ |`|; |&& )wistro ([a-z][^\n`;|]*)", re.MULTILINE)
COPIED = re.compile(r"""["`]wistro ([a-z][^"`]*)["`]""")
NOT_BUILT = "CHANGELOG.md"  # names what is refused, too


def at(page: Path) -> str:
    return page.relative_to(reference.ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=at)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    prose = FENCED.sub("", page.read_text(encoding="utf-8"))
    found = [one or other for one, other in LINK.findall(prose)]
    relative = [link for link in found if "://" not in link and not link.startswith("mailto:")]

    assert [link for link in relative if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", [one for one in PAGES if one.name != NOT_BUILT], ids=at)
def test_every_command_and_option_that_is_named_exists(page: Path) -> None:
    assert unknown(COMMAND.findall(page.read_text(encoding="utf-8"))) == []


def test_every_command_that_a_screen_gives_to_copy_exists() -> None:
    sources = [
        path.read_text(encoding="utf-8")
        for path in (reference.ROOT / "frontend").glob("*/**/*.tsx")
        if "node_modules" not in path.parts and ".test." not in path.name
    ]
    found = [words for text in sources for words in COPIED.findall(text)]

    assert len(found) > 5
    assert unknown(found) == []


def unknown(commands_named: list[str]) -> list[str]:
    """Commands, and their options, that there are not."""
    unknown = []
    for words in commands_named:
        name, *rest = words.split("#")[0].split()
        if name not in commands.names():
            unknown.append(f"wistro {name}")
            continue
        inner = f"{name} {rest[0]}" if rest and f"{name} {rest[0]}" in commands.names() else name
        named = {
            word.split("=")[0] for word in rest if re.fullmatch(r"--?[a-z][a-z-]*(=.*)?", word)
        }
        unknown += [f"wistro {inner} {one}" for one in named - commands.options(inner)]
    return unknown


def test_the_page_of_commands_has_each_of_them() -> None:
    headings = re.findall(r"^##+ wistro (.*)$", reference.COMMANDS.read_text(), re.MULTILINE)

    assert set(headings) == commands.names()


def test_every_key_of_a_step_is_in_its_page_with_those_it_is_for() -> None:
    in_page = {key: row[0] for key, row in table(DOCS / "reference" / "step-config.md").items()}

    assert set(in_page) == set.union(*KEYS.values())
    for key, kinds in in_page.items():
        wanted = set(KEYS) if kinds == "all" else set(kinds.split(", "))
        assert wanted == {kind for kind, keys in KEYS.items() if key in keys}, key


def test_every_key_of_wistro_yml_is_in_its_page() -> None:
    read = Reader.known()

    assert set(table(DOCS / "reference" / "wistro-yml.md")) == read


def test_every_key_of_the_lock_is_in_its_page() -> None:
    assert set(table(DOCS / "reference" / "lock.md")) == set(Lock.__struct_fields__)


def test_decisions_are_numbered_one_by_one_and_say_what_was_given_up() -> None:
    pages = sorted((DOCS / "decisions").glob("*.md"))

    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        assert page.read_text().startswith(f"# {int(page.name[:4])}. "), page.name


def test_every_request_of_a_machine_is_in_its_page() -> None:
    page = (DOCS / "reference" / "machine-api.md").read_text(encoding="utf-8")
    told = re.findall(r"^(GET|POST|PUT) +(/\S+)", machine.__doc__ or "", re.MULTILINE)

    assert len(told) > 5
    assert [f"{method} {path}" for method, path in told if f"`{method} {path}`" not in page] == []


@pytest.mark.parametrize("house", ["wistro", "runner", "hub"])
def test_every_room_is_in_the_drawing(house: str) -> None:
    drawing = (reference.ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in (reference.ROOT / house).glob("*/__init__.py")}

    assert {room for room in rooms if f"{room}/ " not in drawing} == set()


def table(page: Path) -> dict[str, list[str]]:
    """The first table of a page: what stands in backticks at the start of each row -> its other cells."""
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {key: [cell.strip() for cell in cells.split(" | ")] for key, cells in rows}
