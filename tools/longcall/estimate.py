"""About how many tokens something has: no model is asked, and each counts in its own way."""

IMAGE_TOKENS = 1_600
"""About what the larger providers count for an image at most."""
_PAGE_TOKENS = 2_000
"""The same for a page of a PDF, text and picture."""


def tokens_of(text: str) -> int:
    """Returns about how many tokens a text has: four bytes of any script make one."""
    return -(-len(text.encode(errors="replace")) // 4)


def tokens_of_pdf(data: bytes) -> int:
    """Returns about how many tokens a PDF has."""
    return max(1, data.count(b"/Type /Page") or data.count(b"/Type/Page")) * _PAGE_TOKENS
