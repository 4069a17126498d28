"""Say how an order stands."""

config = {
    "type": "api",
    "name": "Get order",
    "flows": ["orders"],
    "method": "GET",
    "path": "/orders/:id",
    "public": True,
    "emits": [],
}


async def handler(req, ctx):
    order = await ctx.state.get("orders", req.path_params["id"])
    if order is None:
        return {"status": 404, "body": {"error": "no such order"}}
    return {"status": 200, "body": order}
