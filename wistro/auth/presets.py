"""How senders sign a body with a shared secret, as data: the presets, and the free form of an `hmac` policy.

Sources: docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries · standard-webhooks spec ·
docs.stripe.com/webhooks/signature · api.slack.com/authentication/verifying-requests-from-slack ·
docs.gitlab.com/user/project/integrations/webhooks · shopify.dev/docs/apps/build/webhooks/subscribe/https.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TOLERANCE_S = 300
MOST_TOLERANCE_S = 3600


@dataclass(frozen=True)
class Scheme:
    """`signed` is a template of {id}, {timestamp} and {body}; a signature stands in `header` after `prefix`.

    `style`: plain, one signature · list, several with a space between · pairs, `t=…,v1=…` as Stripe has it · token,
    the secret itself. `id_header` is the sender's own id of the message; `id_field` where it stands in a JSON body.
    """

    header: str
    algorithm: str = "sha256"
    encoding: str = "hex"
    prefix: str = ""
    signed: str = "{body}"
    style: str = "plain"
    timestamp_header: str | None = None
    id_header: str | None = None
    id_field: str | None = None
    tolerance_s: int = TOLERANCE_S
    secret_prefix: str | None = None  # a secret that begins so is base64 after it

    @property
    def has_time(self) -> bool:
        return self.style == "pairs" or self.timestamp_header is not None


PRESETS = {
    "github": Scheme("x-hub-signature-256", prefix="sha256=", id_header="x-github-delivery"),
    "standard-webhooks": Scheme(
        "webhook-signature",
        encoding="base64",
        prefix="v1,",
        signed="{id}.{timestamp}.{body}",
        style="list",
        timestamp_header="webhook-timestamp",
        id_header="webhook-id",
        secret_prefix="whsec_",
    ),
    "stripe": Scheme("stripe-signature", signed="{timestamp}.{body}", style="pairs", id_field="id"),
    "slack": Scheme(
        "x-slack-signature",
        prefix="v0=",
        signed="v0:{timestamp}:{body}",
        timestamp_header="x-slack-request-timestamp",
        id_field="event_id",
    ),
    "gitlab": Scheme("x-gitlab-token", style="token", id_header="x-gitlab-event-uuid"),
    "shopify": Scheme("x-shopify-hmac-sha256", encoding="base64", id_header="x-shopify-webhook-id"),
}

# The free form's keys, as they are written.
KEYS = (
    "header",
    "algorithm",
    "encoding",
    "prefix",
    "signed",
    "timestampHeader",
    "idHeader",
    "tolerance",
)
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_PLACES = re.compile(r"\{(id|timestamp|body)\}")


def check(given: Mapping[str, Any]) -> dict[str, Any]:
    """The free form in canonical spelling; raises ValueError with what is wrong with it."""
    found = dict(given)
    for key in ("header", "timestampHeader", "idHeader"):
        if key in found:
            found[key] = _header(found[key], key)
    if "header" not in found:
        raise ValueError("needs a `preset`, or the `header` that the signature stands in")
    if found.get("algorithm", "sha256") not in ("sha256", "sha384", "sha512"):
        raise ValueError("`algorithm` is sha256, sha384 or sha512")
    if found.get("encoding", "hex") not in ("hex", "base64"):
        raise ValueError("`encoding` is hex or base64")
    prefix = found.get("prefix", "")
    if not isinstance(prefix, str) or len(prefix) > 32 or not prefix.isascii():
        raise ValueError("`prefix` is a short text before the signature, such as `sha256=`")
    _signed(found)
    tolerance = found.get("tolerance", TOLERANCE_S)
    if (
        isinstance(tolerance, bool)
        or not isinstance(tolerance, int)
        or not 1 <= tolerance <= MOST_TOLERANCE_S
    ):
        raise ValueError(f"`tolerance` is a number of seconds up to {MOST_TOLERANCE_S}")
    return found


def scheme(policy: Mapping[str, Any]) -> Scheme:
    """Of a policy that was checked."""
    if (preset := policy.get("preset")) is not None:
        return PRESETS[preset]
    return Scheme(
        header=policy["header"],
        algorithm=policy.get("algorithm", "sha256"),
        encoding=policy.get("encoding", "hex"),
        prefix=policy.get("prefix", ""),
        signed=policy.get("signed", "{body}"),
        timestamp_header=policy.get("timestampHeader"),
        id_header=policy.get("idHeader"),
        tolerance_s=policy.get("tolerance", TOLERANCE_S),
    )


def _signed(found: Mapping[str, Any]) -> None:
    signed = found.get("signed", "{body}")
    if not isinstance(signed, str) or len(signed) > 200 or not signed.isascii():
        raise ValueError("`signed` is a template such as `{timestamp}.{body}`")
    places = _PLACES.findall(signed)
    if places.count("body") != 1 or re.search(r"[{}]", _PLACES.sub("", signed)):
        raise ValueError("`signed` has {body} once, and otherwise {timestamp}, {id} and plain text")
    if ("timestamp" in places) != ("timestampHeader" in found):
        raise ValueError(
            "`{timestamp}` in `signed` and `timestampHeader` go together: an unsigned time proves nothing"
        )
    if "id" in places and "idHeader" not in found:
        raise ValueError("`{id}` in `signed` needs `idHeader`")


def _header(value: Any, key: str) -> str:
    if not isinstance(value, str) or not _HEADER.fullmatch(value):
        raise ValueError(f"`{key}` is the name of a header, not {value!r}")
    return value.lower()
