"""python -m unittest discover tests"""

import sys
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / ".wistro" / "sdk" / "python")]

import runpy  # noqa: E402

STEP = runpy.run_path(str(ROOT / "src" / "issues" / "label.step.py"))
WELCOME = runpy.run_path(str(ROOT / "src" / "issues" / "welcome.step.py"))


class Context:
    idempotency_key = "key-1"

    def __init__(self, greeted=None):
        import datetime

        self.now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        self.env = {"GITHUB_API": "https://github.invalid", "GITHUB_TOKEN": "t"}
        self.emitted, self.kept = [], dict(greeted or {})
        self.state = SimpleNamespace(get=lambda _, key: self.kept.get(key), set=self._set)

    def emit(self, event):
        self.emitted.append(event)

    def _set(self, group, key, value):
        self.kept[key] = value


class Labels(unittest.TestCase):
    def test_labels_are_found_in_title_and_body(self):
        labels_of = STEP["labels_of"]

        self.assertEqual(labels_of("Crash on start", ""), ["bug"])
        self.assertEqual(labels_of("How do I deploy?", ""), ["question"])
        self.assertEqual(labels_of("Typo", "an error in the docs"), ["bug", "documentation"])
        self.assertEqual(labels_of("Add dark mode", "please"), [])

    def test_an_issue_without_labels_asks_nothing_of_github(self):
        ctx = Context()
        issue = {"repository": "a/b", "number": 1, "title": "Add x", "body": "", "author": "ada"}

        with mock.patch("src.lib.github.GitHub.post") as post:
            STEP["handler"](issue, ctx)

        post.assert_not_called()
        self.assertEqual(ctx.emitted[0]["data"]["labels"], [])
        self.assertIn("a/b#1", ctx.kept)

    def test_somebody_is_greeted_once(self):
        issue = {"repository": "a/b", "number": 1, "author": "ada", "labels": ["bug"]}

        with mock.patch("src.lib.github.GitHub.post") as post:
            first, second = Context(), Context({"ada": "yes"})
            WELCOME["handler"](issue, first)
            WELCOME["handler"](issue, second)

        self.assertEqual(post.call_count, 1)
        self.assertIn("key-1", post.call_args.args[1]["body"])


if __name__ == "__main__":
    unittest.main()
