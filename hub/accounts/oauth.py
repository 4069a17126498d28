"""The CLI's login: OAuth's authorization code with PKCE S256, for one public client on a loopback port.

Authlib checks the requests; codes and tokens are kept as hashes only (models.LoginCode, models.Token).
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from authlib.integrations.django_oauth2 import AuthorizationServer
from authlib.integrations.django_oauth2.requests import DjangoOAuth2Payload, DjangoOAuth2Request
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from csp.constants import SELF
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from hub.accounts.authentication import PREFIX, hashed
from hub.accounts.models import LoginCode, Token, User
from hub.common.api.access import SCOPES, anonymous, declared, signed_in
from hub.common.api.errors import SignIn
from hub.common.settings import SETTINGS

CLIENT_ID = "wistro-cli"
CODE_LASTS = timedelta(seconds=60)
TOKEN_LASTS = timedelta(days=90)
MEANS = {
    "projects:read": "See your projects, versions, runs and traffic",
    "projects:write": "Make projects, change variables and traffic",
    "deploy": "Deploy a folder as a new version",
    "datasets:read": "Pull datasets and their samples",
}


class CommandLine:
    """Our one OAuth client. It is public: PKCE, not a secret, ties its two requests together."""

    client_id = CLIENT_ID

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str | None) -> str:
        asked = set((scope or "").split())
        return " ".join(one for one in SCOPES if one in asked or not asked)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """http://127.0.0.1:<any port>/callback (RFC 8252 §7.3), with nothing else in it."""
        try:
            parts = urlsplit(redirect_uri)
            return redirect_uri == f"http://127.0.0.1:{parts.port}/callback" and bool(parts.port)
        except ValueError:
            return False

    def check_client_secret(self, client_secret: str) -> bool:
        return False

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "none"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class AtOurAddress(DjangoOAuth2Request):
    """A request at the Hub's own address: TLS ends before us, and Authlib refuses plain http."""

    def __init__(self, request: HttpRequest) -> None:
        address = SETTINGS.hub_url.rstrip("/") + request.get_full_path()
        OAuth2Request.__init__(
            self, method=str(request.method), uri=address, headers=request.headers
        )
        self.payload = DjangoOAuth2Payload(request)
        self._request = request


class Server(AuthorizationServer):
    def create_oauth2_request(self, request: HttpRequest) -> AtOurAddress:
        return AtOurAddress(request)

    def query_client(self, client_id: str) -> CommandLine | None:
        return CommandLine() if client_id == CLIENT_ID else None

    def save_token(self, token: dict[str, Any], request: Any) -> None:
        text = token["access_token"]
        made = Token.objects.create(
            user=request.user,
            name="wistro login",
            sha256=hashed(text),
            ending=text[-4:],
            scopes=token["scope"].split(),
            expires_at=timezone.now() + TOKEN_LASTS,
        )
        LoginCode.objects.filter(pk=request.authorization_code.pk).update(token=made)


class Code(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["none"]

    def save_authorization_code(self, code: str, request: Any) -> None:
        now = timezone.now()
        LoginCode.objects.filter(expires_at__lt=now - TOKEN_LASTS).delete()
        LoginCode.objects.create(
            user=request.user,
            sha256=hashed(code),
            client_id=CLIENT_ID,
            redirect_uri=request.payload.redirect_uri,
            scope=request.scope,
            code_challenge=request.payload.data["code_challenge"],
            expires_at=now + CODE_LASTS,
        )

    def query_authorization_code(self, code: str, client: CommandLine) -> LoginCode | None:
        found = LoginCode.objects.select_for_update().filter(sha256=hashed(code)).first()
        if found is None:
            return None
        if (
            found.used_at is not None
        ):  # someone else has it too: what it gave is taken back (RFC 6749 §4.1.2)
            Token.objects.filter(pk=found.token_id).delete()  # type: ignore[attr-defined]
            return None
        return found if found.expires_at > timezone.now() else None

    def delete_authorization_code(self, authorization_code: LoginCode) -> None:
        LoginCode.objects.filter(pk=authorization_code.pk).update(used_at=timezone.now())

    def authenticate_user(self, authorization_code: LoginCode) -> User | None:
        return authorization_code.user if authorization_code.user.is_active else None


class S256Only(CodeChallenge):
    """PKCE without its way out: no `plain`, no request without a challenge."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]
    CODE_CHALLENGE_METHODS = {"S256": CodeChallenge.CODE_CHALLENGE_METHODS["S256"]}

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        if grant.request.payload.data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("`code_challenge_method` must be S256")
        super().validate_code_challenge(grant, redirect_uri)

    def get_authorization_code_challenge_method(self, authorization_code: LoginCode) -> str:
        return "S256"


def new_token(*_: Any, **__: Any) -> str:
    return PREFIX + secrets.token_urlsafe(32)


def make_server() -> Server:
    server = Server(None, None)
    server.load_config(
        {
            "scopes_supported": list(SCOPES),
            "access_token_generator": new_token,
            "token_expires_in": {"authorization_code": int(TOKEN_LASTS.total_seconds())},
        }
    )
    server.register_grant(Code, [S256Only(required=True)])
    return server


server: Any = make_server()  # Authlib's annotations are of its base class, not of Django's


@declared(GET=anonymous, POST=signed_in())
@require_http_methods(["GET", "POST"])
@never_cache
@csp_update(
    {"form-action": [SELF, "http://127.0.0.1:*"]}
)  # Chromium holds the redirect after a form to it
def authorize(request: HttpRequest) -> HttpResponse:
    """The consent page, for whoever is signed in here; its form comes back with yes or no."""
    user: Any = request.user
    if not user.is_authenticated:
        return _ask_to_sign_in(request)
    try:
        grant = server.get_consent_grant(request, end_user=user)
    except OAuth2Error as error:
        return render(
            request, "accounts/refused.html", {"why": error.description or error.error}, status=400
        )
    if request.method == "POST":
        return server.create_authorization_response(
            request, grant_user=user if request.POST.get("answer") == "allow" else None, grant=grant
        )
    scopes = CommandLine().get_allowed_scope(grant.request.payload.scope).split()
    shown = {
        "user": user,
        "asks": [MEANS[scope] for scope in scopes],
        "port": urlsplit(grant.request.payload.redirect_uri or "").port,
        "days": TOKEN_LASTS.days,
    }
    return render(request, "accounts/authorize.html", shown)


def _ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return JsonResponse(SignIn("You are not signed in").as_body(), status=401)
    return redirect("/sign-in?" + urlencode({"next": request.get_full_path()}))


@declared(POST=anonymous)
@csrf_exempt
@require_http_methods(["POST"])
def token(request: HttpRequest) -> HttpResponse:
    """A code and its verifier for a token: RFC 6749's shapes, errors too."""
    return server.create_token_response(request)
