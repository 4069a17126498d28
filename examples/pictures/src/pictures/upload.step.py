"""Take a picture as a file of a form. It may be large: it travels by reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wistro_sdk import BlobRef

if TYPE_CHECKING:
    from wistro_types import Upload, UploadRequest

KINDS = ("image/png", "image/jpeg", "image/webp", "image/gif")
FORM = {
    "type": "object",
    "required": ["picture"],
    "properties": {"picture": BlobRef.wistro_schema, "title": {"type": "string", "maxLength": 200}},
}

config = {
    "type": "api",
    "name": "Upload",
    "flows": ["pictures"],
    "method": "POST",
    "path": "/pictures",
    "public": True,
    "bodySchema": FORM,
    "emits": [{"topic": "picture.uploaded", "schema": FORM}],
}


async def handler(req: UploadRequest, ctx: Upload):
    picture = req.body["picture"]
    if picture.get("type") not in KINDS:
        return {"status": 415, "body": {"error": f"take one of {', '.join(KINDS)}"}}
    title = req.body.get("title", picture.get("name", "untitled"))
    await ctx.state.set("pictures", ctx.run_id, {"title": title, "sizes": {}})
    await ctx.emit({"topic": "picture.uploaded", "data": {"picture": picture, "title": title}})
    return {"status": 202, "body": {"id": ctx.run_id}}
