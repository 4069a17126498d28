"""The routing table: what a gateway needs to serve without the Hub.

Polled by conditional GET `/machine/v1/routing`; the ETag is `"<serial>"`, so the If-None-Match that a
gateway sends is its acknowledgement of everything up to that serial. Applied as a whole.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Endpoint(msgspec.Struct, omit_defaults=True):
    """One method and path of a deployment. `auth` is any-of, its `$NAME`s resolved; empty means public.

    Resolved api_key policies carry `sha256` hex digests in place of keys; hmac ones carry secrets.
    """

    method: str
    path: str  # /orders/:shop
    step: str  # the step's or api entry's id
    auth: list[dict[str, Any]] = []


class RoutedDeployment(msgspec.Struct):
    deployment_id: str
    version: int
    weight: int  # basis points
    endpoints: list[Endpoint]


class RoutedEnvironment(msgspec.Struct):
    environment_id: str
    host: str  # "dev--shop--acme", the first label(s) before the endpoint domain
    generation: int
    key: str  # base64; signs wistro-route
    deployments: list[
        RoutedDeployment
    ]  # weights above 0 add up to 10,000; 0 is reachable by tag only


class RoutingTable(msgspec.Struct):
    protocol: int
    serial: int
    environments: list[RoutedEnvironment]
