"""Locks as the compiler writes them, without compiling."""

from __future__ import annotations

from typing import Any

from wistro.lock import file
from wistro.lock.model import (
    ApiTrigger,
    Lock,
    LockedFlow,
    LockedStep,
    LockedTopic,
    OutsideTrigger,
    Reference,
    StepConfig,
)
from wistro.schemas import key, normalise

TREE = {
    "$ref": "#/$defs/Tree node",
    "$defs": {
        "Tree node": {
            "type": "object",
            "required": ["leaf"],
            "properties": {
                "leaf": {"type": ["string", "null"], "examples": ["oak"]},
                "children": {"type": "array", "items": {"$ref": "#/$defs/Tree node"}},
            },
        }
    },
}
AUTHS: list[list[dict[str, Any]]] = [
    [],
    [{"type": "api_key", "keys": ["$KEY"], "header": "x-api-key"}],
    [
        {"type": "oidc", "issuer": "https://id.example.com/", "audience": ["orders"]},
        {"type": "basic", "users": {"ada": "$PASSWORD"}},
    ],
    [{"type": "hmac", "preset": "stripe", "secret": ["$SECRET"]}, {"type": "mtls"}],
]


def a_lock_of_everything() -> Lock:
    """An endpoint for every kind of caller, parameters, recursive schemas, topics with odd names and without a schema."""
    schema = normalise(TREE)
    reference = Reference(f"#/schemas/{key(schema)}")
    lock = Lock(lock=1, digest="", project="everything", schemas={key(schema): schema})
    for number, auth in enumerate(AUTHS):
        id, path = f"src/ünï/step {number}", f"/orders/:shop/lines/:line/{number}"
        config = StepConfig(
            type="api",
            name=f"Step {number}",
            method="POST",
            path=path,
            flows=["f"],
            public=not auth,
            auth=auth,
        )
        lock.steps[id] = LockedStep(
            f"{id}.step.py",
            [f"{id}.step.py"],
            "sha256:0",
            "python",
            config,
            reference,
            {"200": reference},
        )
        lock.triggers.api.append(ApiTrigger("POST", path, id, auth))
    lock.triggers.api.append(ApiTrigger("PUT", "/in", "api:PUT /in", emits="a/b c", flows=["f"]))
    lock.topics = {
        "a/b c": LockedTopic(reference, ["api:PUT /in"], ["src/ünï/step 0"]),
        "a-b-c": LockedTopic(None, ["src/ünï/step 1"], []),
        "überall.ç": LockedTopic(None, [], ["src/ünï/step 0"]),
    }
    lock.triggers.outside.append(OutsideTrigger("a-b-c", ["f"]))
    lock.topics["a-b-c"].schema = reference
    lock.flows = {"f": LockedFlow("Everything", sorted(lock.steps), "all of it")}
    return file.parse(file.write(lock))
