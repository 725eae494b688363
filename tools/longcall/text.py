"""Small rules about text that every door shares."""

HEAD_CHARS = 100


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
