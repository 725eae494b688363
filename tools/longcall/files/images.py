"""Images that are larger than models need are sent smaller, as the providers would make them anyway."""

import warnings
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

# The longest edges that the larger providers look at without making an image smaller themselves, and two below them.
_EDGES = (2048, 1568, 1024, 512)
_QUALITIES = (85, 70)


def smaller(data: bytes, most: int) -> bytes | None:
    """Returns an image as JPEG of at most `most` bytes, upright, on white; of an animation the first picture.

    Returns:
        None when it is no image that can be read, or has more than about 90 million pixels.
    """
    from PIL import Image  # noqa: PLC0415  # hardly any call has an image that is too large

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(BytesIO(data), formats=("PNG", "JPEG", "GIF", "WEBP")) as image:
                plain = _plain(image)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombWarning, Image.DecompressionBombError):
            return None
    return next((jpeg for jpeg in _jpegs(plain) if len(jpeg) <= most), None)


def _plain(image: "Image.Image") -> "Image.Image":
    from PIL import Image, ImageOps  # noqa: PLC0415  # as above

    whole = image.convert("RGBA") if image.mode == "P" else image  # a palette knows no colours between its own
    whole.thumbnail((_EDGES[0], _EDGES[0]))
    layer = ImageOps.exif_transpose(whole).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _jpegs(image: "Image.Image") -> Iterator[bytes]:
    for edge in _EDGES:
        image.thumbnail((edge, edge))
        for quality in _QUALITIES:
            out = BytesIO()
            image.save(out, "JPEG", quality=quality)
            yield out.getvalue()
