"""Pictures made smaller, with Pillow."""

from __future__ import annotations

import io

from PIL import Image, ImageOps, UnidentifiedImageError
from wistro_sdk import NonRetriable

MOST_PIXELS = 50_000_000  # a small file may unpack to gigabytes
Image.MAX_IMAGE_PIXELS = MOST_PIXELS


def shrink(picture: bytes, *, side: int) -> tuple[bytes, int, int]:
    """PNG bytes with width and height at most `side`, and both of them. What is no picture is never one later."""
    try:
        with Image.open(io.BytesIO(picture)) as image:
            image = ImageOps.exif_transpose(image).convert("RGB")
            image.thumbnail((side, side))
            out = io.BytesIO()
            image.save(out, "PNG", optimize=True)
            return out.getvalue(), image.width, image.height
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError) as error:
        raise NonRetriable(f"this is no picture: {error}") from error
