"""The built screens: their files, and the one page that every address outside the API is answered with."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import ensure_csrf_cookie
from whitenoise.middleware import WhiteNoiseMiddleware

from hub.common.api.access import anonymous, declared
from hub.common.settings import SETTINGS

NONCE_MARK = "__CSP_NONCE__"  # what the screens' build writes where a nonce belongs
KEEPS_MAIL = (
    '<meta name="wistro-mail" content="outbox"></head>'  # then they say where a code is to be read
)
NOT_BUILT = "The Hub's screens are not built: run `make up`, or `npm run build` in frontend/hub.\n"


class Assets(WhiteNoiseMiddleware):
    """WhiteNoise over the screens' folder. Answers are whole: under ASGI its streams would be read synchronously."""

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        if SETTINGS.screens.is_dir():
            self.add_files(str(SETTINGS.screens), prefix="/")

    def immutable_file_test(self, path: str, url: str) -> bool:
        return url.startswith("/assets/")  # named by their content

    def serve(self, static_file: Any, request: HttpRequest) -> HttpResponse:
        streamed = super().serve(static_file, request)
        whole = HttpResponse(b"".join(streamed), status=streamed.status_code)
        for name, value in streamed.items():
            whole[name] = value
        streamed.close()
        return whole


@declared(GET=anonymous)
@ensure_csrf_cookie
def shell(request: HttpRequest, **_: Any) -> HttpResponse:
    """The screens' page with this response's nonce. Data comes by the API, which asks who it is for."""
    path = SETTINGS.screens / "index.html"
    if not path.exists():
        return HttpResponse(NOT_BUILT, status=503, content_type="text/plain")
    page = _read(path, path.stat().st_mtime_ns).replace(NONCE_MARK, str(request.csp_nonce))  # type: ignore[attr-defined]
    if SETTINGS.email_url.startswith("outbox:"):
        page = page.replace("</head>", KEEPS_MAIL, 1)
    response = HttpResponse(page)
    response["Cache-Control"] = "no-store"
    return response


@lru_cache(maxsize=2)
def _read(path: Path, changed_at: int) -> str:
    return path.read_text()
