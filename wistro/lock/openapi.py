"""A lock's endpoints as an OpenAPI 3.1 document. Its schemas are JSON Schema 2020-12, as the lock's are."""

from __future__ import annotations

import re
from typing import Any

from wistro.lock.components import components, id_of, local
from wistro.lock.model import ApiTrigger, Lock, OutsideTrigger, Reference
from wistro.protocol.blobs import is_blob_schema

VERSION = "3.1.0"
OUTSIDE = "/_wistro/events/"
_PARAMETER = re.compile(r":([^/]+)")
_HMAC_HEADERS = {
    "github": "x-hub-signature-256",
    "standard-webhooks": "webhook-signature",
    "stripe": "stripe-signature",
    "slack": "x-slack-signature",
    "gitlab": "x-gitlab-token",
    "shopify": "x-shopify-hmac-sha256",
}
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "hint": {"type": ["string", "null"]},
                "fields": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        }
    },
}
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key again within 24 hours gets the first call's answer.",
    "schema": {"type": "string"},
}
FILE = {"type": "string", "contentMediaType": "application/octet-stream"}
ACCEPTED = {
    "type": "object",
    "required": ["run_id"],
    "properties": {"run_id": {"type": "string"}},
}


def document(lock: Lock, *, title: str, version: str, server: str | None = None) -> dict[str, Any]:
    """Plain values, ready for JSON or YAML; the same lock gives the same document."""
    paths: dict[str, dict[str, Any]] = {}
    schemes: dict[str, dict[str, Any]] = {}
    for trigger in lock.triggers.api:
        operation = _operation(lock, trigger, schemes)
        paths.setdefault(_path(trigger.path), {})[trigger.method.lower()] = operation
    for one in lock.triggers.outside:
        paths[f"{OUTSIDE}{one.topic}"] = {"post": _outside(lock, one, schemes)}
    found: dict[str, Any] = {
        "openapi": VERSION,
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {"title": title, "version": version},
    }
    if server:
        found["servers"] = [{"url": server}]
    if tags := _tags(lock):
        found["tags"] = tags
    parts: dict[str, Any] = {"schemas": components(lock.schemas, _used(lock)) | {"Error": ERROR}}
    if schemes:
        parts["securitySchemes"] = dict(sorted(schemes.items()))
    return found | {"paths": dict(sorted(paths.items())), "components": parts}


def _used(lock: Lock) -> list[str]:
    found = [
        id_of(schema) for one in lock.triggers.outside if (schema := _topic_schema(lock, one.topic))
    ]
    for trigger in lock.triggers.api:
        step = lock.steps.get(trigger.step)
        taken = step.input if step else _topic_schema(lock, trigger.emits)
        found += [id_of(one) for one in (taken, *(step.responses if step else {}).values()) if one]
    return found


def _outside(lock: Lock, one: OutsideTrigger, schemes: dict[str, Any]) -> dict[str, Any]:
    schemes["events-key"] = {"type": "http", "scheme": "bearer"}
    operation: dict[str, Any] = {
        "operationId": f"outside {one.topic}",
        "summary": f"Takes an event on {one.topic}",
        "security": [{"events-key": []}],
        "parameters": [KEY],
        "responses": _responses({}, is_entry=True),
    }
    if one.flows:
        operation["tags"] = one.flows
    if (schema := _topic_schema(lock, one.topic)) is not None:
        operation["requestBody"] = {"required": True, "content": _json(local(schema))}
    return operation


def _operation(lock: Lock, trigger: ApiTrigger, schemes: dict[str, Any]) -> dict[str, Any]:
    step = lock.steps.get(trigger.step)
    config = step.config if step else None
    operation: dict[str, Any] = {
        "operationId": trigger.step if step else f"{trigger.method} {trigger.path}",
        "summary": config.name if config else f"Emits {trigger.emits}",
    }
    if config and config.description:
        operation["description"] = config.description
    if flows := (config.flows if config else trigger.flows):
        operation["tags"] = flows
    operation["parameters"] = [
        *(
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in _PARAMETER.findall(trigger.path)
        ),
        *(
            {"name": one.name, "in": "query", "schema": {"type": "string"}}
            | ({"description": one.description} if one.description else {})
            for one in (config.query_params if config else [])
        ),
        KEY,
    ]
    if (taken := step.input if step else _topic_schema(lock, trigger.emits)) is not None:
        operation["requestBody"] = {"required": True, "content": _body(lock, taken)}
    responses = step.responses if step else {}
    operation["responses"] = _responses(responses, is_entry=step is None)
    operation["security"] = [_security(policy, schemes) for policy in trigger.auth]
    return operation


def _body(lock: Lock, taken: Reference) -> dict[str, Any]:
    """Any bytes where a blob is asked for; a form with files where a field of it is one."""
    id = id_of(taken)
    if is_blob_schema(lock.schemas[id]):
        return {"*/*": {}}
    shape = components(lock.schemas, [id])[id]
    fields = shape.get("properties", {})
    files = [name for name, one in fields.items() if is_blob_schema(one)]
    if not files:
        return _json(local(taken))
    form = {**shape, "properties": {**fields, **dict.fromkeys(files, FILE)}}
    return {"multipart/form-data": {"schema": form}}


def _responses(given: dict[str, Reference], *, is_entry: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        status: {"description": f"Answer {status}", "content": _json(local(reference))}
        for status, reference in sorted(given.items())
    }
    if is_entry:
        found["202"] = {"description": "Durable; the run goes on", "content": _json(ACCEPTED)}
    elif not found:
        found["200"] = {"description": "The step's answer"}
    refused = {"$ref": "#/components/schemas/Error"}
    return found | {"default": {"description": "Refused or failed", "content": _json(refused)}}


def _security(policy: dict[str, Any], schemes: dict[str, Any]) -> dict[str, list[str]]:
    kind = policy["type"]
    if kind == "oidc":
        issuer = str(policy["issuer"]).rstrip("/")
        url = f"{issuer}/.well-known/openid-configuration"
        name = f"oidc {re.sub(r'[^A-Za-z0-9.]+', '-', issuer)}"
        scheme = {"type": "openIdConnect", "openIdConnectUrl": url}
        scopes = [str(one) for one in policy.get("scopes", [])]
    elif kind == "basic":
        name, scheme, scopes = "basic", {"type": "http", "scheme": "basic"}, []
    elif kind == "mtls":
        name, scheme, scopes = "mtls", {"type": "mutualTLS"}, []
    elif kind == "api_key":
        header = policy.get("header", "x-api-key")
        name, scopes = f"api_key {header}", []
        scheme = {"type": "apiKey", "in": "header", "name": header}
    else:
        preset = policy.get("preset", "")
        header = policy.get("header") or _HMAC_HEADERS.get(preset, "x-signature")
        name, scopes = f"hmac {preset}".strip(), []
        scheme = {
            "type": "apiKey",
            "in": "header",
            "name": header,
            "description": f"A signature of the body{f' as {preset} makes it' if preset else ''}",
        }
    name = name.replace(" ", "-").replace("_", "-")
    schemes[name] = scheme
    return {name: scopes}


def _tags(lock: Lock) -> list[dict[str, str]]:
    return [
        {"name": id} | ({"description": flow.description} if flow.description else {})
        for id, flow in sorted(lock.flows.items())
    ]


def _topic_schema(lock: Lock, topic: str | None) -> Reference | None:
    found = lock.topics.get(topic) if topic else None
    return found.schema if found else None


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _path(path: str) -> str:
    return _PARAMETER.sub(r"{\1}", path)
