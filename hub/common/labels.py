"""Labels: the parts of an environment's address, `prod--shop--acme`; `--` parts them, so none may hold it."""

from __future__ import annotations

import re
import unicodedata

from hub.common.api.errors import Invalid

_FITS = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


def checked(label: str, *, field: str, longest: int, reserved: frozenset[str] = frozenset()) -> str:
    """The label as given, or Invalid saying what is wrong with it."""
    if not _FITS.fullmatch(label) or "--" in label:
        wrong = "lower-case letters, digits and single hyphens, none at its ends"
    elif len(label) > longest:
        wrong = f"at most {longest} characters"
    elif is_kept(label, reserved):
        wrong = f"`{label}` is kept for the Hub's own pages"
    else:
        return label
    raise Invalid(f"`{label[:80]}` cannot be part of an address: {wrong}", fields={field: wrong})


def is_kept(label: str, reserved: frozenset[str]) -> bool:
    """Whether the Hub's own pages and addresses have it: `v3--shop--acme` is a version's address."""
    return label in reserved or re.fullmatch(r"v\d+", label) is not None


def from_name(name: str, *, longest: int) -> str:
    """A label made of a name; empty when nothing of it fits."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:longest].strip("-")


def numbered(label: str, number: int, *, longest: int) -> str:
    """`acme`, `acme-2`, `acme-3`, within the longest."""
    if number < 2:
        return label
    end = f"-{number}"
    return label[: longest - len(end)].rstrip("-") + end
