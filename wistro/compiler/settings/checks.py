"""What both wistro.yml and a step's config hold: schemas, and who may call an endpoint."""

from __future__ import annotations

from typing import Any

from wistro.auth import policy
from wistro.compiler import problems, values
from wistro.errors import UserError
from wistro.schemas import Schema, normalise


def schema(value: Any, key: str, where: str) -> Schema:
    """`value` in normal form; a schema that is unusable is a problem at `where`."""
    try:
        return normalise(value)
    except UserError as error:
        raise type(error)(f"`{key}`: {error.message}", hint=error.hint, where=where) from error


def endpoint_auth(
    config: dict[str, Any], *, public_by_default: bool, of: str, where: str
) -> list[dict[str, Any]]:
    """Who may call an endpoint, in canonical form; empty means everybody."""
    auth, public = config.get("auth"), config.get("public")
    if public is not None and not isinstance(public, bool):
        raise problems.BadConfig(
            f"`public` is true or false, not {values.shown(public)}", where=where
        )
    if auth is not None and public:
        raise problems.BadConfig(
            f"{of} has both `auth` and `public: true`", hint="Keep one of them.", where=where
        )
    if auth is not None:
        return policy.check(auth, where=where)
    if public or (public is None and public_by_default):
        return []
    raise problems.OpenEndpoint(f"{of} says neither `auth` nor `public: true`", where=where)
