"""The least routing tables that are valid."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID

from wistro.protocol import PROTOCOL
from wistro.protocol.routing import Endpoint, RoutedDeployment, RoutedEnvironment, RoutingTable

KEY = b"k" * 32
ENVIRONMENT = "0192e4a0-0000-7000-8000-00000000000e"
LABEL = "dev--shop--acme"


def deployment_id(version: int) -> str:
    return str(UUID(int=(0x0192E4A000007000 << 64) | 0x8000000000000000 | version))


def an_endpoint(
    path: str = "/orders", *, method: str = "POST", auth: list[dict[str, Any]] | None = None
) -> Endpoint:
    return Endpoint(method, path, "src/order", auth or [])


def a_deployment(
    version: int = 1, *, weight: int = 10_000, endpoints: list[Endpoint] | None = None
) -> RoutedDeployment:
    return RoutedDeployment(deployment_id(version), version, weight, endpoints or [an_endpoint()])


def an_environment(
    *deployments: RoutedDeployment, generation: int = 1, host: str = LABEL, id: str = ENVIRONMENT
) -> RoutedEnvironment:
    key = base64.b64encode(KEY).decode()
    return RoutedEnvironment(id, host, generation, key, list(deployments or [a_deployment()]))


def a_table(*environments: RoutedEnvironment, serial: int = 1) -> RoutingTable:
    return RoutingTable(PROTOCOL, serial, list(environments or [an_environment()]))
