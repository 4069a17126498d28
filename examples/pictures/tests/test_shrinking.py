"""python -m unittest discover tests"""

import io
import sys
import unittest
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / ".wistro" / "sdk" / "python")]

from src.lib.shrinking import shrink  # noqa: E402
from wistro_sdk import NonRetriable  # noqa: E402


def a_picture(width: int, height: int, mode: str = "RGB", kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new(mode, (width, height), 128).save(out, kind)
    return out.getvalue()


class Shrinking(unittest.TestCase):
    def test_the_longer_side_is_what_was_asked_for(self):
        for width, height in ((400, 200), (200, 400), (64, 64)):
            content, *size = shrink(a_picture(width, height), side=64)

            self.assertEqual(max(size), 64)
            self.assertEqual(Image.open(io.BytesIO(content)).size, tuple(size))

    def test_a_small_picture_stays_as_it_is(self):
        self.assertEqual(shrink(a_picture(10, 5), side=64)[1:], (10, 5))

    def test_other_kinds_and_modes_are_taken(self):
        self.assertEqual(shrink(a_picture(9, 9, "L", "JPEG"), side=64)[1:], (9, 9))

    def test_what_is_no_picture_is_given_up(self):
        for content in (b"", b"GIF89a", a_picture(9, 9)[:40]):
            with self.assertRaises(NonRetriable):
                shrink(content, side=64)


if __name__ == "__main__":
    unittest.main()
