"""Which language a text is in, by parameter, fence, name or looks."""

import pytest

from longcall.errors import CallError
from longcall.validation.detect import detect, file_name, named, of_path, unfence
from longcall.validation.request import CodeRequest
from longcall.validation.submission import read_submission

LOOKS = {
    "python": "import os\n\ndef f(x):\n    return x\n",
    "javascript": "const f = (x) => x + 1;\nconsole.log(f(1));\n",
    "typescript": "interface Point { x: number }\nconst p: Point = { x: 1 };\n",
    "shell": "set -e\nfor name in a b; do\n  echo $name\ndone\n",
    "sql": "SELECT name FROM users WHERE id = 1;\n",
    "json": '{"a": [1, 2]}',
    "toml": '[tool.x]\nname = "y"\n',
    "yaml": "name: test\non:\n  push:\n",
    "html": "<!DOCTYPE html>\n<html><body></body></html>\n",
    "dockerfile": "FROM python:3.12\nRUN true\n",
    "go": 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println() }\n',
    "rust": "use std::io;\n\nfn main() {\n    let mut x = 1;\n}\n",
    "java": "public class Main {\n    public static void main(String[] args) {}\n}\n",
    "c": "#include <stdio.h>\nint main(void) { return 0; }\n",
    "cpp": "#include <vector>\nint main() { std::vector<int> v; }\n",
    "php": "<?php echo 1;\n",
}


@pytest.mark.parametrize("language", LOOKS)
def test_a_language_is_known_by_its_looks(language: str):
    assert detect(LOOKS[language]) == language


def test_a_shebang_decides():
    assert detect("#!/usr/bin/env python3\nx\n") == "python"
    assert detect("#!/bin/bash\nSELECT a FROM b\n") == "shell"


def test_prose_is_no_language():
    assert detect("This is a sentence about nothing in particular") is None


def test_broken_code_is_known_too():
    assert detect("def f(x)\n    return x\n") == "python"
    assert detect('{"a": 1,}') == "json"


def test_a_fence_is_taken_off_and_tells_the_language():
    assert unfence("```py\nx = 1\n```\n") == ("x = 1\n", "py")
    assert unfence("~~~\nx\n~~~") == ("x\n", None)


def test_two_fences_are_no_fence():
    text = "```py\na\n```\nand\n```py\nb\n```"
    assert unfence(text) == (text, None)


def test_words_and_endings_lead_to_one_name():
    assert [named(word) for word in ("PY", "ts", "bash", "c++", "elixir")] == [
        "python", "typescript", "shell", "cpp", "elixir",
    ]  # fmt: skip
    assert [of_path(path) for path in ("a/b.py", "Dockerfile", "x.yml", "x.unknown", "none")] == [
        "python", "dockerfile", "yaml", None, None,
    ]  # fmt: skip
    assert [file_name(language) for language in ("python", "dockerfile", "java", None)] == [
        "main.py", "Dockerfile", "Main.java", "main.txt",
    ]  # fmt: skip


def test_the_parameter_is_stronger_than_the_fence_and_that_than_the_looks():
    fenced = "```js\nimport os\n```"
    assert read_submission(CodeRequest(code=fenced, language="python")).source == "param"
    by_fence = read_submission(CodeRequest(code=fenced))
    assert (by_fence.language, by_fence.source, by_fence.main) == ("javascript", "fence", "main.js")
    assert read_submission(CodeRequest(code="import os\n")).source == "detected"
    assert read_submission(CodeRequest(code="hello there you")).source == "unknown"


def test_several_files_need_to_say_which_is_the_main_one():
    files = {"a.py": "x = 1", "b.js": "let x"}
    with pytest.raises(CallError, match="main"):
        read_submission(CodeRequest(files=files))
    assert read_submission(CodeRequest(files=files, main="b.js")).language == "javascript"
    assert read_submission(CodeRequest(files={"main.py": "x = 1", "data.json": "{}"})).main == "main.py"
