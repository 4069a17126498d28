"""The same project as the machines' server sees it: their routes, no sessions, no pages."""

from hub.settings import *  # noqa: F403

ROOT_URLCONF = "hub.machine_urls"
MIDDLEWARE = [
    "hub.common.logs.RequestLog",
    "hub.common.api.answers.LateErrors",
    "allauth.account.middleware.AccountMiddleware",  # allauth refuses to be loaded without it
]
ALLOWED_HOSTS = ["*"]  # machines come by any name inside; a bearer token decides, not the Host
DATA_UPLOAD_MAX_MEMORY_SIZE = (
    16 * 1024 * 1024
)  # a batch of records; what is larger is refused unread
