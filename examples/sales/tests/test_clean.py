"""python -m unittest discover tests"""

import runpy
import unittest
from pathlib import Path

STEP = runpy.run_path(str(Path(__file__).parent.parent / "src" / "clean" / "clean.step.py"))


def a_row(**change):
    return {
        "at": "2026-01-02T09:00:00Z",
        "shop": "berlin",
        "sku": "mug",
        "quantity": "2",
        "price": "8.50",
        "currency": "EUR",
        **change,
    }


class Clean(unittest.TestCase):
    def test_prices_are_read_as_they_are_written(self):
        found = [STEP["hundredths"](price) for price in ("8.50", "95", "8.5", "1.008,50", "0")]

        self.assertEqual(found, [850, 9500, 850, 100850, 0])

    def test_money_is_in_cents_of_a_euro(self):
        self.assertEqual(STEP["cleaned"](a_row())["cents"], 1700)
        self.assertEqual(STEP["cleaned"](a_row(price="9.99", currency="USD"))["cents"], 1850)

    def test_what_cannot_be_read_says_why(self):
        for change in (
            {"price": "free"},
            {"quantity": "-1"},
            {"quantity": "1.5"},
            {"currency": "XYZ"},
        ):
            with self.assertRaises(ValueError):
                STEP["cleaned"](a_row(**change))


if __name__ == "__main__":
    unittest.main()
