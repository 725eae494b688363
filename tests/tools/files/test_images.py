"""Images that are too large to be sent as they are."""

import base64
import random
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from longcall.errors import CallError
from longcall.files import reading
from longcall.files.gathering import gather
from longcall.files.images import smaller
from longcall.files.roots import Roots


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Returns an image that hardly gets smaller by compressing it."""
    return Image.frombytes(mode, (width, height), random.Random(7).randbytes(width * height * len(mode)))


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Returns the bytes of a file."""
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def test_a_large_image_is_sent_smaller(roots: Roots, project: Path) -> None:
    data = saved(noise(1500, 1000))
    (project / "large.png").write_bytes(data)
    assert len(data) > reading.IMAGE_BYTES
    [shown] = gather(["large.png"], roots).shown
    assert (shown.kind, shown.bytes <= reading.IMAGE_BYTES) == ("image/jpeg", True)
    assert "(image/png, made smaller, attached)" in shown.block
    assert shown.part is not None
    head, _, body = shown.part["image_url"]["url"].partition(",")
    sent = Image.open(BytesIO(base64.b64decode(body)))
    assert (head, sent.format, len(base64.b64decode(body))) == ("data:image/jpeg;base64", "JPEG", shown.bytes)
    assert sent.width / sent.height == pytest.approx(1.5, abs=0.01)
    assert (project / "large.png").read_bytes() == data


def test_an_image_within_the_limit_is_sent_as_it_is(roots: Roots, project: Path) -> None:
    data = saved(noise(200, 100))
    (project / "small.png").write_bytes(data)
    [shown] = gather(["small.png"], roots).shown
    assert (shown.kind, shown.bytes) == ("image/png", len(data))


def test_what_is_transparent_is_white_and_what_lies_on_its_side_stands_up() -> None:
    clear = smaller(saved(Image.new("RGBA", (64, 64), (0, 0, 0, 0))), 5_000)
    assert clear is not None
    assert min(low for low, _ in Image.open(BytesIO(clear)).getextrema()) > 250  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType, reportUnknownArgumentType]
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = smaller(saved(Image.new("RGB", (64, 32), "red"), "JPEG", exif=exif), 5_000)
    assert turned is not None
    assert Image.open(BytesIO(turned)).size == (32, 64)


def test_an_animation_shows_its_first_picture() -> None:
    pictures = [Image.new("RGB", (32, 32), name) for name in ("white", "black")]
    first = smaller(saved(pictures[0], "GIF", save_all=True, append_images=pictures[1:]), 5_000)
    assert first is not None
    assert Image.open(BytesIO(first)).convert("L").getpixel((16, 16)) == 255


def test_what_is_no_image_or_never_small_enough_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = saved(noise(300, 300))
    assert smaller(whole[: len(whole) // 2], 500_000) is None
    assert smaller(b"\x89PNG\r\n\x1a\n" + b"\0" * 100, 500_000) is None
    assert smaller(whole, 100) is None
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300 * 300 - 1)
    assert smaller(whole, 500_000) is None


def test_a_damaged_large_image_is_refused_in_words(roots: Roots, project: Path) -> None:
    (project / "torn.png").write_bytes(saved(noise(1500, 1000))[:600_000])
    with pytest.raises(CallError, match=r"'torn.png' has 600,000 bytes.*damaged"):
        gather(["torn.png"], roots)
