"""Callers' policies as data. A step's `auth` is one policy or an any-of list; `$NAME` is a variable's value.

Built: api_key, and hmac with the presets github and standard-webhooks. `check` is what the compiler
calls; `resolve` puts values in place of names; the verifiers beside this file hold a resolved policy.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from wistro.errors import NotYet, UserError

HMAC_PRESETS = ("github", "standard-webhooks")
NOT_YET = ("oidc", "basic", "mtls", "jwt", "ip")
_NAME = re.compile(r"\$([A-Z][A-Z0-9_]*)")


class BadPolicy(UserError):
    """An `auth` that is not a policy."""

    code = "lock.auth"
    hint = "See docs/guides/protect-an-endpoint.md: {type: api_key, keys: [$KEY]} or {type: hmac, preset: github, secret: $SECRET}."


class UnsetVariable(UserError):
    """A policy names a variable that has no value in this environment."""

    code = "auth.unset-variable"
    hint = "Set it: wistro.yml's `env`, the process environment, or the environment's variables in the Hub."


def check(auth: Any, *, where: str | None = None) -> list[dict[str, Any]]:
    """The policies in canonical form (lists, lower-case header), or BadPolicy / NotYet. Never resolves names."""
    policies = auth if isinstance(auth, list) else [auth]
    if not policies:
        raise BadPolicy("`auth` is an empty list", where=where)
    return [_check_one(policy, where) for policy in policies]


def _check_one(policy: Any, where: str | None) -> dict[str, Any]:
    kind = policy.get("type") if isinstance(policy, Mapping) else None
    if kind == "api_key":
        return _only(policy, {"type", "keys", "header"}, where) | {
            "keys": _names(policy.get("keys"), "keys", where),
            "header": str(policy.get("header", "x-api-key")).lower(),
        }
    if kind == "hmac":
        if policy.get("preset") not in HMAC_PRESETS:
            raise NotYet(
                f"hmac preset `{policy.get('preset')}` is not built yet; {' and '.join(HMAC_PRESETS)} are",
                where=where,
            )
        kept = _only(policy, {"type", "preset", "secret"}, where)
        return kept | {"secret": _names(policy.get("secret"), "secret", where)}
    if kind in NOT_YET:
        raise NotYet(f"auth type `{kind}` is not built yet", where=where)
    raise BadPolicy(f"`auth` has no known type: {policy!r}", where=where)


def _only(policy: Mapping[str, Any], known: set[str], where: str | None) -> dict[str, Any]:
    if unknown := sorted(set(policy) - known):
        raise NotYet(f"auth key `{unknown[0]}` of `{policy['type']}` is not built yet", where=where)
    return dict(policy)


def _names(value: Any, key: str, where: str | None) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(one, str) and _NAME.fullmatch(one) for one in values):
        raise BadPolicy(
            f"`{key}` must name variables, as $NAME; a secret's value never stands in a file",
            where=where,
        )
    return values


def variables(policies: list[dict[str, Any]]) -> set[str]:
    """The names of the variables that these policies need."""
    return {
        one[1:]
        for policy in policies
        for one in [*policy.get("keys", []), *policy.get("secret", [])]
    }


def resolve(policies: list[dict[str, Any]], values: Mapping[str, str]) -> list[dict[str, Any]]:
    """The same policies with values: hmac `secret` -> secrets; api_key `keys` -> `sha256` hex digests only.

    Raises UnsetVariable when a name has no value.
    """
    return [_resolve_one(policy, values) for policy in policies]


def _resolve_one(policy: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    if policy["type"] == "api_key":
        keys = [_value(name, values) for name in policy["keys"]]
        return {
            "type": "api_key",
            "header": policy["header"],
            "sha256": [hashlib.sha256(key.encode()).hexdigest() for key in keys],
        }
    return policy | {"secret": [_value(name, values) for name in policy["secret"]]}


def _value(name: str, values: Mapping[str, str]) -> str:
    if not (value := values.get(name[1:])):
        raise UnsetVariable(f"`{name}` has no value")
    return value
