"""Make the sizes. Two at once are enough for a small machine's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from src.lib.shrinking import shrink
from wistro_sdk import BlobRef

if TYPE_CHECKING:
    from wistro_types import Resize, ResizeMessage

SIDES: dict[Literal["small", "medium"], int] = {"small": 64, "medium": 320}

config = {
    "type": "event",
    "name": "Resize",
    "flows": ["pictures"],
    "subscribes": ["picture.uploaded"],
    "emits": [
        {
            "topic": "picture.resized",
            "schema": {
                "type": "object",
                "required": ["size", "picture", "width", "height"],
                "properties": {
                    "size": {"enum": list(SIDES)},
                    "picture": BlobRef.wistro_schema,
                    "width": {"type": "integer"},
                    "height": {"type": "integer"},
                },
            },
        }
    ],
    "concurrency": {"limit": 2},
}


def handler(uploaded: ResizeMessage, ctx: Resize):
    original = ctx.blobs.get(uploaded["picture"])
    for size, side in SIDES.items():
        content, width, height = shrink(original, side=side)
        small = ctx.blobs.put(content, type="image/png", name=f"{size}.png")
        ctx.emit(
            {
                "topic": "picture.resized",
                "data": {"size": size, "picture": small, "width": width, "height": height},
            }
        )
