"""A handler may take fewer arguments than there are; a cron's takes the context."""

from motia import ApiRequest, FlowContext

config = {"type": "noop", "name": "Few arguments"}


def handler(ctx: FlowContext[ApiRequest]):
    ctx.logger.info("tick", {"attempt": ctx.attempt})
