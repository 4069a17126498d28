"""What is known of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wistro_types import Show, ShowRequest

config = {
    "type": "api",
    "name": "Show",
    "flows": ["pictures"],
    "method": "GET",
    "path": "/pictures/:id",
    "public": True,
}


async def handler(req: ShowRequest, ctx: Show):
    id = req.path_params["id"]
    picture = await ctx.state.get("pictures", id)
    if picture is None:
        return {"status": 404, "body": {"error": "there is no such picture"}}
    sizes = {}
    for size in ("small", "medium"):
        if kept := await ctx.state.get("sizes", f"{id}/{size}"):
            sizes[size] = {key: kept[key] for key in ("width", "height", "bytes")}
    return {"status": 200, "body": {**picture, "sizes": sizes}}
