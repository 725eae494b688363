"""What of a file is shown: text, or an image or a PDF as a part of its own. Binary files are refused."""

import base64
from dataclasses import dataclass
from typing import Any

from longcall.errors import CallError
from longcall.estimate import IMAGE_TOKENS, tokens_of, tokens_of_pdf
from longcall.files.asked import Lines
from longcall.files.finding import Found
from longcall.files.images import smaller
from longcall.files.quoting import quoted
from longcall.files.roots import Roots
from longcall.text import clean

TEXT_BYTES = 4_000_000
IMAGE_BYTES = 500_000
"""What is sent of an image at most; a larger one is made smaller."""
LARGE_IMAGE_BYTES = 20_000_000
PDF_BYTES = 5_000_000
_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A file as a model is shown it."""

    path: str
    kind: str
    """`text`, or a media type."""
    bytes: int
    tokens: int
    """By estimate."""
    block: str
    """What stands for it in the text: the quoted text, or a line that names the part."""
    part: dict[str, Any] | None = None
    """The image or PDF, in the OpenAI chat form."""
    lines: str | None = None
    """Which lines of how many are shown, where not all are."""
    text: str = ""
    """What is shown of it, as it stands there; empty for an image or a PDF."""


def read(found: Found, roots: Roots) -> Shown:
    """Reads a file.

    Raises:
        CallError: it cannot be shown; the sentence says why.
    """
    shown = roots.shown(found.path)
    with roots.open(found.path) as file:
        data = file.read(LARGE_IMAGE_BYTES + 1)
    if (kind := _media(data)) is not None:
        return _medium(shown, kind, data, found.lines)
    if len(data) > TEXT_BYTES:
        raise CallError(
            f"{shown!r} has more than {TEXT_BYTES // 1_000_000} MB, too much to be read; name a smaller file."
        )
    return _text(shown, _decoded(shown, data), found.lines)


def _media(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _KINDS if data.startswith(start)), None)


def _medium(path: str, kind: str, data: bytes, lines: Lines | None) -> Shown:
    is_pdf = kind == "application/pdf"
    if lines is not None:
        raise CallError(f"{path!r} is no text and has no lines; name it without them.")
    if len(data) > (most := PDF_BYTES if is_pdf else LARGE_IMAGE_BYTES):
        raise CallError(
            f"{path!r} has {len(data):,} bytes or more; {'a PDF' if is_pdf else 'an image'} may have {most:,}."
            f" {'Split it' if is_pdf else 'Make it smaller'} and name the result."
        )
    told = kind
    if not is_pdf and len(data) > IMAGE_BYTES:
        told, data, kind = f"{kind}, made smaller", _made_smaller(path, data), "image/jpeg"
    url = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    part: dict[str, Any] = {"type": "image_url", "image_url": {"url": url}}
    if is_pdf:
        part = {"type": "file", "file": {"filename": path.rpartition("/")[2], "file_data": url}}
    tokens = tokens_of_pdf(data) if is_pdf else IMAGE_TOKENS
    return Shown(path, kind, len(data), tokens, quoted(path, None, f"({told}, attached)"), part)


def _made_smaller(path: str, data: bytes) -> bytes:
    found = smaller(data, IMAGE_BYTES)
    if found is None:
        raise CallError(
            f"{path!r} has {len(data):,} bytes; {IMAGE_BYTES:,} are sent of an image, and this one cannot be shrunk:"
            " it is damaged, or has too many pixels. Name a smaller one."
        )
    return found


def _decoded(path: str, data: bytes) -> str:
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise CallError(
            f"{path!r} is a binary file; only text (UTF-8), PNG, JPEG, WebP, GIF and PDF can be shown. Leave it out."
        )
    return clean(text)


def _text(path: str, text: str, lines: Lines | None) -> Shown:
    told = None
    if lines is not None:
        every = text.splitlines(keepends=True)
        first = max(1, len(every) - lines.tail + 1) if lines.tail is not None else lines.first
        last = min(len(every), lines.last or len(every))
        if first > len(every):
            raise CallError(
                f"{path!r} ends at line {len(every)}, so that line {first} cannot be shown; name earlier lines."
            )
        text, told = "".join(every[first - 1 : last]), f"{first}-{last} of {len(every)}"
    block = quoted(path, told, text)
    return Shown(path, "text", len(text.encode()), tokens_of(block), block, lines=told, text=text)
