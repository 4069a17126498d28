"""Steps are functions: call them with a context that writes down what they do. Run: python -m unittest discover tests"""

import asyncio
import runpy
import unittest
from pathlib import Path
from types import SimpleNamespace

STEPS = Path(__file__).parent.parent / "src" / "greetings"


class Recorder:
    """A context that keeps emits and state in memory."""

    run_id = "run_test"

    def __init__(self):
        self.emitted = []
        self.kept = {}
        self.updated = []
        self.logger = SimpleNamespace(info=lambda *_: None)
        self.state = SimpleNamespace(set=self._set, update=self._update)

    async def emit(self, event):
        self.emitted.append(event)

    async def _set(self, group, key, value):
        self.kept[group, key] = value

    async def _update(self, group, key, op):
        self.updated.append((group, key, op))


class Greetings(unittest.TestCase):
    def test_greet_emits_the_name(self):
        handler = runpy.run_path(str(STEPS / "greet.step.py"))["handler"]
        ctx = Recorder()

        answer = asyncio.run(handler(SimpleNamespace(body={"name": "Ada"}), ctx))

        self.assertEqual(answer["status"], 202)
        self.assertEqual(ctx.emitted, [{"topic": "greeting.asked", "data": {"name": "Ada"}}])

    def test_keep_writes_the_greeting_and_counts_it(self):
        handler = runpy.run_path(str(STEPS / "keep.step.py"))["handler"]
        ctx = Recorder()

        asyncio.run(handler({"name": "Ada"}, ctx))

        self.assertEqual(ctx.kept, {("greetings", "run_test"): "Hello, Ada!"})
        self.assertEqual(ctx.updated[0][:2], ("totals", "greetings"))


if __name__ == "__main__":
    unittest.main()
