"""python -m unittest discover tests"""

import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / ".wistro" / "sdk" / "python")]

from src.lib import models  # noqa: E402

PASSAGE = models.Passage("a.md", "# A\n\nTea is hot. It is good.\n")


class Models(unittest.TestCase):
    def test_the_fake_model_quotes_and_cites(self):
        text = models.answer("Is tea hot?", [PASSAGE], {"MODEL": "fake"})

        self.assertEqual(text, "Tea is hot. [a.md]")

    def test_without_a_passage_it_knows_nothing(self):
        self.assertEqual(models.answer("?", [], {"MODEL": "fake"}), "I do not know.")

    def test_a_model_that_is_not_there_is_an_error(self):
        with self.assertRaises(KeyError):
            models.answer("?", [], {"MODEL": "oracle"})


if __name__ == "__main__":
    unittest.main()
