config = {
    "type": "cron",
    "name": "Weekly",
    "cron": "0 8 * * 1",
    "timezone": "America/New_York",
    "emits": [],
}


def handler(ctx): ...
