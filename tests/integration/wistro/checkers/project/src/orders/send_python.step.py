from __future__ import annotations

from typing import TYPE_CHECKING

from wistro_sdk import Refused

if TYPE_CHECKING:
    from wistro_types import SendFromPython, SendFromPythonRequest, SendFromPythonResponse

config = {
    "type": "api", "name": "Send from Python", "method": "POST", "path": "/python/:shop", "public": True,
    "bodySchema": {"type": "object", "required": ["message"], "properties": {"message": {}}},
    "responseSchema": {200: {"type": "object", "required": ["path"], "properties": {"path": {"type": ["string", "null"]}}}},
    "queryParams": [{"name": "sort"}],
    "emits": ["order.created", {"topic": "order.noted", "conditional": True}],
}


async def handler(req: SendFromPythonRequest, ctx: SendFromPython) -> SendFromPythonResponse:
    if req.path_params["shop"] == "mistakes":
        await mistakes(req, ctx)
    try:
        await ctx.emit({"topic": "order.created", "data": req.body["message"]})
    except Refused as error:
        return {"body": {"path": error.path}}
    return {"body": {"path": None}}


async def mistakes(req: SendFromPythonRequest, ctx: SendFromPython) -> SendFromPythonResponse:
    await ctx.emit({"topic": "order.created", "data": {"sku": "a", "quantity": 1, "size": "m"}})
    await ctx.emit({"topic": "order.noted", "data": {"note": None}})
    await ctx.emit({"topic": "order.craeted", "data": {"sku": "a", "quantity": 1}})  # wrong: topic
    await ctx.emit({"topic": "order.created", "data": {"sku": "a", "quantity": "1"}})  # wrong: type
    await ctx.emit({"topic": "order.created", "data": {"sku": "a"}})  # wrong: missing
    await ctx.emit({"topic": "order.created", "data": {"sku": "a", "quantity": 1, "colour": "red"}})  # wrong: extra
    await ctx.emit({"topic": "order.created", "data": {"sku": "a", "quantity": 1, "size": "xl"}})  # wrong: value
    await ctx.emit({"topic": "order.created", "data": {"sku": "a", "quantity": 1, "to": {"street": 3}}})  # wrong: nested
    await ctx.emit({"topic": "order.noted", "data": {"note": 5}})  # wrong: second topic
    loose = {"sku": "a", "quantity": 1}
    await ctx.emit({"topic": "order.created", "data": loose})  # wrong: a variable without a type
    print(req.path_params["shpo"])  # wrong: parameter
    print(req.query_params.get("sort", []), req.query_params.get("other", [])[0].upper())
    print(req.query_params.get("sort", [3])[0] + 1)  # wrong: a query parameter's type
    print(ctx.env["SECRET"])  # wrong: variable
    return {"body": {"path": 5}}  # wrong: answer
