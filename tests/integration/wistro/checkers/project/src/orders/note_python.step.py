config = {"type": "event", "name": "Note in Python", "subscribes": ["order.noted"], "emits": []}


def handler(note, ctx):
    ctx.logger.info("noted")
