"""Which project of the Hub a folder is: `.wistro/project.json`, one person's own and never committed."""

from __future__ import annotations

from pathlib import Path

import msgspec

from wistro.errors import UserError

NAME = ".wistro/project.json"


class DamagedLink(UserError):
    """`.wistro/project.json` cannot be read."""

    code = "link.damaged"
    hint = "Run `wistro link` to write it again."


class BadProjectName(UserError):
    """Not `<organization>/<project>`."""

    code = "link.name"
    hint = "Write it as in the Hub's address bar: acme/shop."


class Link(msgspec.Struct):
    hub: str
    organization: str
    project: str

    @property
    def name(self) -> str:
        return f"{self.organization}/{self.project}"


def read(folder: Path) -> Link | None:
    """The link of this folder, or of the nearest one above it that has one."""
    for place in (folder, *folder.parents):
        try:
            data = (place / NAME).read_bytes()
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        try:
            return msgspec.json.decode(data, type=Link)
        except msgspec.MsgspecError as error:
            raise DamagedLink(f"{NAME} cannot be read: {error}", where=NAME) from error
    return None


def write(folder: Path, link: Link) -> None:
    path = folder / NAME
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(".new")
    new.write_bytes(msgspec.json.format(msgspec.json.encode(link), indent=2) + b"\n")
    new.replace(path)


def parse(text: str) -> tuple[str, str]:
    """`acme/shop` -> ("acme", "shop"); raises BadProjectName."""
    organization, slash, project = text.strip().strip("/").partition("/")
    if not (slash and organization and project) or "/" in project or " " in text.strip():
        raise BadProjectName(f"`{text}` is not an organization and a project")
    return organization, project
