"""One size, as the picture that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wistro_types import Download, DownloadRequest

config = {
    "type": "api",
    "name": "Download",
    "flows": ["pictures"],
    "method": "GET",
    "path": "/pictures/:id/:size",
    "public": True,
}


async def handler(req: DownloadRequest, ctx: Download):
    id, size = req.path_params["id"], req.path_params["size"]
    kept = await ctx.state.get("sizes", f"{id}/{size}")
    if kept is None:
        return {"status": 404, "body": {"error": "there is no such size"}}
    content = await ctx.blobs.get(kept["blob"])
    return {"status": 200, "headers": {"content-type": "image/png"}, "body": content}
