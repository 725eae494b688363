"""What stands in the code blocks of a guide."""

import re


def blocks(text: str, language: str) -> list[str]:
    """Returns the code blocks of one language in a text."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(console: str) -> list[tuple[str, str]]:
    """Returns the commands in a console block with what each is shown to say."""
    return re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", console, re.MULTILINE)


def examples(text: str) -> list[tuple[str, str]]:
    """Returns the programs in Python with what each is to print: the text block right below it, else nothing told."""
    found = re.findall(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", text, re.MULTILINE | re.DOTALL)
    return [(program, printed) for program, printed in found]


def languages(text: str) -> list[str]:
    """Returns the language of every code block; empty where none is told."""
    return re.findall(r"^```([^\n`]*)\n.*?^```$", text, re.MULTILINE | re.DOTALL)


def rows(text: str, *head: str) -> list[list[str]]:
    """Returns the rows of every table with these heads, their cells without the backticks around a whole one."""
    lines = text.split("\n")
    found: list[list[str]] = []
    for at, line in enumerate(lines):
        if _cells(line) == list(head):
            for row in lines[at + 2 :]:
                if not row.startswith("|"):
                    break
                found.append([re.sub(r"^`([^`]*)`$", r"\1", cell) for cell in _cells(row)])
    return found


def _cells(line: str) -> list[str]:
    if not line.startswith("|"):
        return []
    return [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
