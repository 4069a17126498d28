"""Who is asking the API: an App by its JWT, an installation by its token, a user by theirs; and what GitHub refuses."""

from __future__ import annotations

import base64
import time

from joserfc import jwt
from joserfc.errors import JoseError

from tests.doubles.github.server import Asked, Refused
from tests.doubles.github.state import App, Installation, Repository, State, Token

LONGEST_JWT_S = 600
CLOCK_S = 60


def bearer(asked: Asked) -> str:
    kind, _, text = (asked.headers.get("authorization") or "").partition(" ")
    if kind.lower() not in ("bearer", "token") or not text:
        raise Refused(401, "Requires authentication")
    return text


def app_of(state: State, asked: Asked) -> App:
    """The App whose JWT this is: RS256, its id as issuer, at most ten minutes long."""
    text = bearer(asked)
    for app in state.apps.values():
        try:
            token = jwt.decode(text, app.public_key, algorithms=["RS256"])
        except (JoseError, ValueError):
            continue
        return _checked(app, token.claims)
    raise Refused(401, "A JSON web token could not be decoded")


def _checked(app: App, claims: dict) -> App:
    now = time.time()
    exp, iat = claims.get("exp"), claims.get("iat")
    if str(claims.get("iss")) not in (str(app.id), app.client_id):
        raise Refused(401, "'Issuer' claim ('iss') must be an Integer or the App's client id")
    if not isinstance(exp, int) or not isinstance(iat, int):
        raise Refused(401, "Missing 'exp' or 'iat' claim in assertion")
    if exp < now:
        raise Refused(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future time",
        )
    if exp > now + LONGEST_JWT_S or exp - iat > LONGEST_JWT_S + CLOCK_S:
        raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")
    if iat > now + CLOCK_S:
        raise Refused(401, "'Issued at' claim ('iat') must be an Integer representing a past time")
    return app


def installation_of(state: State, asked: Asked) -> tuple[Token, Installation]:
    return live(state, bearer(asked))


def live(state: State, text: str) -> tuple[Token, Installation]:
    token = state.tokens.get(text)
    installation = state.installations.get(token.installation) if token else None
    if token is None or installation is None or token.expires_at <= time.time():
        raise Refused(401, "Bad credentials")
    if installation.suspended:
        raise Refused(403, "This installation has been suspended")
    return token, installation


def user_of(state: State, asked: Asked) -> tuple[str, int]:
    found = state.user_tokens.get(bearer(asked))
    if found is None:
        raise Refused(401, "Bad credentials")
    return found


def repository_of(state: State, asked: Asked, permission: str) -> tuple[Repository, Installation]:
    """The route's repository, if the asking installation's token has it with this permission (`checks:write`)."""
    token, installation = installation_of(state, asked)
    found = the_repository(state, asked)
    if found is None or not sees(state, token, installation, found):
        raise Refused(404, "Not Found")
    name, _, wanted = permission.partition(":")
    has = token.permissions.get(name)
    if has is None or (wanted == "write" and has != "write"):
        raise Refused(403, "Resource not accessible by integration")
    return found, installation


def the_repository(state: State, asked: Asked) -> Repository | None:
    if "id" in asked.at:
        return state.repositories.get(int(asked.at["id"])) if asked.at["id"].isdigit() else None
    name = f"{asked.at['owner']}/{asked.at['name']}"
    if name in state.old_names and state.called(name) is None:
        moved = f"{state.api_url}/repositories/{state.old_names[name]}"
        raise Refused(301, "Moved Permanently", location=moved)
    return state.called(name)


def sees(state: State, token: Token, installation: Installation, repository: Repository) -> bool:
    return repository.id in token.repositories & state.in_installation(installation)


def basic(asked: Asked) -> str | None:
    """The password of Basic authorization: git sends a token as one."""
    kind, _, text = (asked.headers.get("authorization") or "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        return base64.b64decode(text).decode().partition(":")[2]
    except ValueError:
        return None
