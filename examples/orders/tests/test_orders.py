"""Steps are functions: python -m unittest discover tests"""

import asyncio
import runpy
import sys
import unittest
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))


def handler_of(file):
    return runpy.run_path(str(ROOT / "src" / "orders" / file))["handler"]


class Context:
    """Keeps what a step emits and writes."""

    def __init__(self, topic=None):
        self.run_id, self.topic = "run_1", topic
        self.env = {"APPROVE_FROM_CENTS": "1000"}
        self.emitted, self.orders, self.updates = [], {}, []
        self.logger = SimpleNamespace(info=lambda *_: None)
        self.state = SimpleNamespace(get=self._get, set=self._set, update=self._update)

    async def emit(self, event):
        self.emitted.append((event["topic"], event["data"]))

    async def _get(self, group, key):
        return self.orders.get(key)

    async def _set(self, group, key, value):
        self.orders[key] = value

    async def _update(self, group, key, op):
        self.updates.append((group, key, op))


def order(cents, quantity=1):
    items = [{"sku": "mug", "quantity": quantity, "cents": cents}]
    return SimpleNamespace(body={"customer": "Ada", "items": items})


class Orders(unittest.TestCase):
    def test_a_small_order_is_placed_at_once(self):
        ctx = Context()

        answer = asyncio.run(handler_of("create_order.step.py")(order(999), ctx))

        self.assertEqual(answer["body"], {"id": "run_1", "status": "placed"})
        self.assertEqual(ctx.emitted, [("order.placed", {"order": "run_1", "cents": 999})])

    def test_a_large_order_waits_for_a_person(self):
        ctx = Context()

        asyncio.run(handler_of("create_order.step.py")(order(500, quantity=2), ctx))

        self.assertEqual([topic for topic, _ in ctx.emitted], ["order.large"])
        self.assertEqual(ctx.orders["run_1"]["status"], "waits for approval")

    def test_an_approved_order_is_placed_with_the_note(self):
        ctx = Context()
        ctx.orders["run_1"] = {"cents": 5_000}

        asyncio.run(handler_of("approved.step.py")({"note": "fine"}, ctx))

        self.assertEqual(ctx.emitted, [("order.placed", {"order": "run_1", "cents": 5_000})])
        self.assertEqual(ctx.updates[0][2]["merge"]["note"], "fine")

    def test_why_an_order_was_closed_is_kept(self):
        for topic, status in (("order.rejected", "rejected"), ("payment.declined", "declined")):
            ctx = Context(topic)

            asyncio.run(handler_of("close.step.py")({"reason": "no"}, ctx))

            self.assertEqual(
                ctx.updates, [("orders", "run_1", {"merge": {"status": status, "reason": "no"}})]
            )


if __name__ == "__main__":
    unittest.main()
