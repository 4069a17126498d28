"""A manager looks at a large order. Nothing of this project runs while it waits."""

from src.orders.messages import REJECTION, Approval, Large

config = {
    "type": "noop",
    "name": "Manager approves",
    "flows": ["orders"],
    "subscribes": ["order.large"],
    "input": Large,
    "task": {
        "assignee": "managers",
        "timeout": "3d",
        "onTimeout": "reject",
        "answers": {
            "approve": {"emits": "order.approved", "form": Approval},
            "reject": {"emits": "order.rejected", "form": REJECTION},
        },
    },
}
