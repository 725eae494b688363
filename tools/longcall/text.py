"""Small rules about text that every door shares."""

from decimal import Decimal

HEAD_CHARS = 100
_HIGH = ("\ud800", "\udbff")


def clean(text: str) -> str:
    """Returns `text` as valid Unicode: lone surrogates, which no provider and no database takes, become U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def head(text: str, chars: int = HEAD_CHARS) -> str:
    """Returns the first words of `text` on one line, at most `chars` characters, with an ellipsis when cut."""
    line = " ".join(text[: chars * 4].split())
    return line if len(line) <= chars and len(text) <= chars * 4 else line[: chars - 1].rstrip() + "…"


def clip(text: str, chars: int) -> str:
    """Returns at most `chars` characters of `text`, marked when cut."""
    return text if len(text) <= chars else text[:chars] + f"… [{len(text) - chars} more characters]"


def reason_of(error: Exception) -> str:
    """Returns what an error says, without Python's numbers and quotes where the system raised it; no full stop."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error).strip().rstrip(".") or type(error).__name__


def dollars(usd: float) -> str:
    """Returns US dollars to four digits, never in powers of ten: `$0.0000125`."""
    return f"${Decimal(f'{usd:.4g}'):f}"


class Pieces:
    """Text that comes in pieces, each made valid: what one call cannot tell apart the next one may."""

    def __init__(self) -> None:
        self._half = ""

    def take(self, piece: str) -> str:
        """Returns what of `piece`, after what was held back before, is valid text.

        The first half of a character that was cut in two is held back until its second half comes. NUL, at which
        databases stop reading, becomes U+FFFD.
        """
        whole = self._half + piece
        self._half = whole[-1:] if _HIGH[0] <= whole[-1:] <= _HIGH[1] else ""
        return clean(whole[: len(whole) - len(self._half)]).replace("\0", "\ufffd")
