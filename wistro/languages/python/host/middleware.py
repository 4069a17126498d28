"""`middleware: [first, second]` of an endpoint's config: each is called with (req, ctx, next), around the handler."""

from __future__ import annotations

import inspect


class NextTwice(RuntimeError):
    """A middleware called `next` more than once: the handler runs once for a call."""


async def through(middleware, request, context, handle):
    """The answer that the outermost gives. A middleware that does not call `next` answers in the handler's place."""

    async def run(index: int):
        if index == len(middleware):
            return await handle()
        has_called = False

        async def next_one() -> object:
            nonlocal has_called
            if has_called:
                raise NextTwice("a middleware calls `next` once")
            has_called = True
            return await run(index + 1)

        answer = middleware[index](request, context, next_one)
        return await answer if inspect.isawaitable(answer) else answer

    return await run(0)
