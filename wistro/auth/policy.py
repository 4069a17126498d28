"""Callers' policies as data. A step's `auth` is one policy or an any-of list; `$NAME` is a variable's value.

`check` is what the compiler calls; `resolve` puts values in place of names; the verifiers beside this file hold a
resolved policy. Kinds: api_key, basic, hmac (presets.py), oidc.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from wistro.auth import presets
from wistro.errors import NotYet, UserError

NOT_YET = ("mtls", "jwt", "ip")
# Asymmetric only: a key that verifies must not be one that signs.
ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
DEFAULT_ALGORITHMS = ("ES256", "EdDSA", "RS256")
MOST_LEEWAY_S = 30
LOOPBACK = ("localhost", "127.0.0.1", "::1")  # where a laptop's provider may speak http
_NAME = re.compile(r"\$([A-Z][A-Z0-9_]*)")
_USER = re.compile(r"[^:\x00-\x1f\x7f]{1,256}")


class BadPolicy(UserError):
    """An `auth` that is not a policy."""

    code = "lock.auth"
    hint = (
        "See docs/guides/protect-an-endpoint.md: {type: api_key, keys: [$KEY]}, {type: hmac, preset: github, secret: $SECRET},"
        " {type: oidc, issuer: https://…, audience: [orders]} or {type: basic, users: {ada: $PASSWORD}}."
    )


class UnsetVariable(UserError):
    """A policy names a variable that has no value in this environment."""

    code = "auth.unset-variable"
    hint = "Set it: wistro.yml's `env`, the process environment, or the environment's variables in the Hub."


def check(auth: Any, *, where: str | None = None) -> list[dict[str, Any]]:
    """The policies in canonical form (lists, lower-case header), or BadPolicy / NotYet. Never resolves names."""
    policies = auth if isinstance(auth, list) else [auth]
    if not policies:
        raise BadPolicy("`auth` is an empty list", where=where)
    try:
        return [_check_one(policy) for policy in policies]
    except UserError as error:
        error.where = where
        raise


def variables(policies: list[dict[str, Any]]) -> set[str]:
    """The names of the variables that these policies need."""
    return {
        one[1:]
        for policy in policies
        for listed in (
            policy.get("keys", []),
            policy.get("secret", []),
            *policy.get("users", {}).values(),
        )
        for one in listed
    }


def resolve(policies: list[dict[str, Any]], values: Mapping[str, str]) -> list[dict[str, Any]]:
    """The same policies with values: hmac `secret` -> secrets; api_key `keys` and basic `users` -> `sha256` hex only.

    Raises UnsetVariable when a name has no value.
    """
    return [_resolve_one(policy, values) for policy in policies]


def senders(sha256: Iterable[str]) -> list[dict[str, Any]]:
    """Who may send events from outside: whoever has a key of these digests, as a bearer token or in x-api-key.

    Resolved; without a digest it is nobody.
    """
    digests = list(sha256)
    headers = ("authorization", "x-api-key")
    return [{"type": "api_key", "header": one, "sha256": digests} for one in headers]


def _check_one(policy: Any) -> dict[str, Any]:
    kind = policy.get("type") if isinstance(policy, Mapping) else None
    if kind in NOT_YET:
        raise NotYet(f"auth type `{kind}` is not built yet")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise BadPolicy(f"`auth` has no known type: {policy!r}")
    return _KINDS[kind](policy)


def _api_key(policy: Mapping[str, Any]) -> dict[str, Any]:
    return _only(policy, {"keys", "header"}) | {
        "keys": _names(policy.get("keys"), "keys"),
        "header": _header(policy.get("header", "x-api-key"), "header"),
    }


def _basic(policy: Mapping[str, Any]) -> dict[str, Any]:
    kept = _only(policy, {"users", "realm"})
    users = policy.get("users")
    if not isinstance(users, Mapping) or not users:
        raise BadPolicy("`users` of basic maps each user to the variable of their password")
    for user in users:
        if not isinstance(user, str) or not _USER.fullmatch(user):
            raise BadPolicy(f"{user!r} is not a user's name: text without a colon")
    kept["users"] = {user: _names(given, f"users.{user}") for user, given in sorted(users.items())}
    return kept


def _hmac(policy: Mapping[str, Any]) -> dict[str, Any]:
    secret = _names(policy.get("secret"), "secret")
    if "preset" in policy:
        kept = _only(policy, {"preset", "secret"})
        if policy["preset"] not in presets.PRESETS:
            known = ", ".join(sorted(presets.PRESETS))
            raise BadPolicy(f"hmac has no preset {policy['preset']!r}; there are {known}")
    else:
        kept = _only(policy, {"secret", *presets.KEYS})
        try:
            kept |= presets.check({key: policy[key] for key in presets.KEYS if key in policy})
        except ValueError as error:
            raise BadPolicy(f"hmac: {error}") from error
    return kept | {"secret": secret}


def _oidc(policy: Mapping[str, Any]) -> dict[str, Any]:
    kept = _only(policy, {"issuer", "audience", "algorithms", "claims", "scopes", "leeway"})
    kept["issuer"] = _issuer(policy.get("issuer"))
    kept["audience"] = _texts(policy.get("audience"), "audience")
    algorithms = _texts(policy.get("algorithms", list(DEFAULT_ALGORITHMS)), "algorithms")
    if unknown := [one for one in algorithms if one not in ALGORITHMS]:
        raise BadPolicy(
            f"oidc verifies no `{unknown[0]}`: `algorithms` may be {', '.join(ALGORITHMS)}"
        )
    kept["algorithms"] = sorted(set(algorithms))
    if "scopes" in policy:
        kept["scopes"] = sorted(set(_texts(policy["scopes"], "scopes")))
    if "claims" in policy:
        kept["claims"] = _claims(policy["claims"])
    if "leeway" in policy:
        leeway = policy["leeway"]
        if (
            isinstance(leeway, bool)
            or not isinstance(leeway, int)
            or not 0 <= leeway <= MOST_LEEWAY_S
        ):
            raise BadPolicy(f"`leeway` is a number of seconds from 0 to {MOST_LEEWAY_S}")
    return kept


_KINDS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "api_key": _api_key,
    "basic": _basic,
    "hmac": _hmac,
    "oidc": _oidc,
}


def _issuer(value: Any) -> str:
    """Exact, to the last slash: it is compared with the token's `iss` letter by letter."""
    wrong = BadPolicy(
        "`issuer` of oidc is an https URL without query, as in https://id.example.com"
    )
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        raise wrong
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018  raises ValueError
    except ValueError:
        raise wrong from None
    is_here = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not (parts.scheme == "https" or is_here) or not parts.hostname or "@" in parts.netloc:
        raise wrong
    if parts.query or parts.fragment or "?" in value or "#" in value:
        raise wrong
    return value


def _claims(value: Any) -> dict[str, list[Any]]:
    """Each claim must be one of these values, or a list that has one of them."""
    if not isinstance(value, Mapping) or not value:
        raise BadPolicy(
            "`claims` maps each claim to the value, or the list of values, that it must have"
        )
    found: dict[str, list[Any]] = {}
    for name, wanted in sorted(value.items()):
        wanted = wanted if isinstance(wanted, list) else [wanted]
        if (
            not isinstance(name, str)
            or not wanted
            or any(not isinstance(one, str | int | bool) for one in wanted)
        ):
            raise BadPolicy(
                f"`claims.{name}` is text, a whole number, true or false, or a list of them"
            )
        found[name] = wanted
    return found


def _only(policy: Mapping[str, Any], known: set[str]) -> dict[str, Any]:
    known = known | {"type"}
    if unknown := sorted(str(key) for key in policy if key not in known):
        raise BadPolicy(
            f"`{unknown[0]}` is no key of auth type `{policy['type']}`",
            hint=f"It has: {', '.join(sorted(known))}.",
        )
    return dict(policy)


def _names(value: Any, key: str) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(one, str) and _NAME.fullmatch(one) for one in values):
        raise BadPolicy(
            f"`{key}` must name variables, as $NAME; a secret's value never stands in a file"
        )
    return values


def _texts(value: Any, key: str) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(one, str) and one and one.isprintable() for one in values):
        raise BadPolicy(f"`{key}` is required: a text, or a list of them")
    return values


def _header(value: Any, key: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", value):
        raise BadPolicy(f"`{key}` is the name of a header, not {value!r}")
    return value.lower()


def _resolve_one(policy: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    if policy["type"] == "api_key":
        return {
            "type": "api_key",
            "header": policy["header"],
            "sha256": [_sha256(_value(name, values)) for name in policy["keys"]],
        }
    if policy["type"] == "basic":
        found = [
            _sha256(f"{user}:{_value(name, values)}")
            for user, names in policy["users"].items()
            for name in names
        ]
        return {key: one for key, one in policy.items() if key != "users"} | {"sha256": found}
    if policy["type"] == "hmac":
        return policy | {"secret": [_value(name, values) for name in policy["secret"]]}
    return policy


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _value(name: str, values: Mapping[str, str]) -> str:
    if not (value := values.get(name[1:])):
        raise UnsetVariable(f"`{name}` has no value")
    return value
