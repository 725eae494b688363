"""Validators of code: code, sql, openapi."""

import json
import logging
import shutil
import socket
from typing import Any

import pytest
from support.validating import codes, find, one

from longcall.validators import Answer, ValidatorError, parse_validators


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("python", "x = 1", []),
        ("python", "x = ", ["syntax"]),
        ("python", "return 1", ["syntax"]),
        ("python", "```python\nx = 1\n```", []),
        ("python", "So:\n```\nx = 1\n```", []),
        ("python", "So:\n```\nx = \n```", ["syntax"]),
        ("python", "```py\nx = 1\n```\n```\n$ output >\n```", []),
        ("python", "```py\nx =\n```\n```python3\ny =\n```", ["syntax", "syntax"]),
        ("python", "```js\nx\n```", ["no_code_block"]),
        ("python", "```python\n", ["empty"]),
        ("python", "'\\d'", []),
        ("python", "a\0b", ["syntax"]),
        ("python", "-" * 100_000 + "1", ["syntax"]),
        ("python", "1" + "+1" * 100_000, ["syntax"]),
        ("python", "(" * 100_000, ["syntax"]),
        ("python", "1" * 10_000, ["syntax"]),
        ("py", "x = 1", []),
        ("json", "```json\n[1]\n```", []),
        ("json", "[1", ["syntax"]),
        ("sql", "SELECT a FROM t", []),
        ("sql", "SELECT (", ["syntax"]),
        ("sql", "```postgresql\nSELECT 1\n```", []),
        ("yaml", "a: [1]", []),
        ("yaml", "a: [1", ["syntax"]),
        ("yml", "```yml\na: b: c\n```", ["syntax"]),
        ("yaml", "[" * 100_000, ["syntax"]),
        ("yaml", "a: \0", ["syntax"]),
        ("yaml", "a: &a [*a, *a]\nb: *a", []),
        ("toml", "a = 1", []),
        ("toml", "a = ", ["syntax"]),
        ("toml", "a = " + "[" * 100_000, ["syntax"]),
    ],
)
async def test_code(language: str, text: str, found: list[str]) -> None:
    assert await codes({"type": "code", "language": language}, text) == found


@pytest.mark.filterwarnings("error")
async def test_warnings_of_checked_code_are_not_ours() -> None:
    assert await codes("code", "x = 1 is 1\n'\\d'") == []


async def test_issues_of_code_tell_block_and_line() -> None:
    (issue,) = await find("code", "```\nfine\n```\n```python\nx = 1\ny = (\n```")

    assert issue.path == "block 2 line 2"
    assert issue.message == "This is not Python: '(' was never closed."


async def test_the_target_chooses_among_the_blocks_of_the_language() -> None:
    text = "```sh\nls\n```\n```python\nx =\n```\n```python\ny =\n```"

    assert await codes({"type": "code", "target": "first_code_block"}, text) == ["syntax"]
    assert await codes({"type": "code", "target": "all_code_blocks"}, text) == ["syntax", "syntax"]
    assert await codes({"type": "code", "target": "all_code_blocks"}, "x = 1") == ["no_code_block"]
    assert await codes({"type": "code", "target": "/code"}, '{"code": "x ="}') == ["syntax"]


async def test_code_too_long_to_be_compiled_is_no_verdict() -> None:
    with pytest.raises(ValidatorError, match="characters"):
        await one("code").find(Answer("x = 1\n" * 900_000))


@pytest.mark.parametrize("spec", ["code", {"type": "json_schema", "schema": True, "target": "all_code_blocks"}])
async def test_an_answer_of_too_many_parts_is_no_verdict(spec: Any) -> None:
    with pytest.raises(ValidatorError, match="too many parts"):
        await one(spec).find(Answer("```\n1\n```\n" * 201))


async def test_no_more_parts_are_looked_at_than_issues_are_told() -> None:
    assert len(await codes("code", "```\nx =\n```\n" * 100_000)) == 20


async def test_a_parser_that_is_kept_busy_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longcall.validators.apart.SECONDS", 0.01)

    with pytest.raises(ValidatorError, match="was stopped"):
        await one({"type": "code", "language": "toml"}).find(Answer("a = 1"))


async def test_a_parser_that_breaks_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longcall.validators.apart.sys.executable", shutil.which("false"))

    with pytest.raises(ValidatorError, match="broke"):
        await one({"type": "code", "language": "toml"}).find(Answer("a = 1"))


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"type": "code", "language": "cobol"}, "these can: json, python, sql, toml, yaml"),
        ({"type": "code", "checks": []}, "`checks`"),
        ({"type": "code", "checks": ["vibes"]}, "`checks"),
        ({"type": "sql", "dialect": "postgrex"}, "there are: .*postgres"),
        ({"type": "sql", "allow": ["selekt"]}, "there are: .*select"),
    ],
)
def test_what_cannot_be_checked_is_refused_at_the_door(spec: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_validators(spec)


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT a FROM t WHERE b = 1", []),
        ("```sql\nSELECT 1;\n```", []),
        ("SELECT 1 UNION SELECT 2", []),
        ("(SELECT 1)", []),
        ("WITH x AS (SELECT 1) SELECT * FROM x", []),
        ("SELECT 'DROP TABLE t' AS text -- DELETE", []),
        ('SELECT updated_at, "delete" FROM dropped', []),
        ("DELETE FROM t", ["not_allowed"]),
        ("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", ["not_allowed"]),
        ("WITH x AS (UPDATE t SET a = 1 RETURNING a) SELECT * FROM x", ["not_allowed"]),
        ("SELECT * FROM (WITH x AS (INSERT INTO t VALUES (1) RETURNING a) SELECT * FROM x) y", ["not_allowed"]),
        ("SELECT a INTO b FROM t", ["not_allowed"]),
        ("SELECT a FROM t FOR UPDATE", ["not_allowed"]),
        ("SELECT 1; DROP TABLE t", ["several_statements", "not_allowed"]),
        ("SELECT 1; SELECT 2", ["several_statements"]),
        ("SELECT 1 /*! INTO OUTFILE '/tmp/x' */", ["hidden_code"]),
        ("SELECT '/*!' AS text", []),
        ("EXPLAIN ANALYZE DELETE FROM t", ["not_allowed"]),
        ("COPY t TO '/tmp/x'", ["not_allowed"]),
        ("MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE", ["not_allowed"]),
        ("CALL p()", ["not_allowed"]),
        ("DO $$ BEGIN END $$", ["not_allowed"]),
        ("TRUNCATE t", ["not_allowed"]),
        ("SELECT a FROM t WHERE (", ["syntax"]),
        ("SELECT 'open", ["syntax"]),
        ("WHER x", ["no_sql"]),
        ("SELECT", ["no_sql"]),
        ("Sure, here you go", ["syntax"]),
        ("", ["no_sql"]),
        (";", ["no_sql"]),
        ("SELECT " + "(" * 20_000, ["too_deep"]),
        ("SELECT " + "(" * 40 + "1" + ")" * 40, []),
    ],
)
async def test_sql_that_only_reads(sql: str, found: list[str]) -> None:
    spec = {"type": "sql", "dialect": "postgres", "allow": ["select"], "single_statement": True}

    assert await codes(spec, sql) == found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("INSERT INTO t VALUES (1)", []),
        ("SELECT 'drop'", []),
        ("DROP TABLE t", ["not_allowed"]),
        ("ALTER TABLE t ADD c int", ["not_allowed"]),
        ("GRANT SELECT ON t TO u", ["not_allowed"]),
        ("MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE", ["not_allowed"]),
        ("MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN UPDATE SET x = 1", []),
        ("CALL p()", ["not_allowed"]),
    ],
)
async def test_sql_that_destroys_nothing(sql: str, found: list[str]) -> None:
    assert await codes("sql_safe", sql) == found


async def test_sql_answers_stay_out_of_the_logs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert await codes({"type": "sql", "dialect": "postgresql"}, "VACUUM secret_table") == []

    assert "secret_table" not in caplog.text


async def test_sql_too_long_to_be_parsed_is_no_verdict() -> None:
    with pytest.raises(ValidatorError, match="too many"):
        await one("sql").find(Answer("SELECT " + "a, " * 1_000_000 + "b"))


DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Birds", "version": "1"},
    "paths": {"/birds/{id}": {"get": {
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {"200": {"description": "a bird", "content": {"application/json": {
            "schema": {"$ref": "#/components/schemas/Bird"}}}}}}}},
    "components": {"schemas": {"Bird": {"type": "object", "properties": {"name": {"type": "string"}}}}},
}  # fmt: skip
YAML = """```yaml
openapi: 3.0.3
info: {title: Birds, version: "1"}
paths:
  /birds:
    get:
      responses:
        200:
          description: as of 2020-01-01
          content: {text/plain: {example: 2020-01-01}}
```"""


def changed(**parts: Any) -> str:
    """Returns the document with some parts changed."""
    return json.dumps({**DOCUMENT, **parts})


@pytest.mark.parametrize(
    "text", [changed(), f"```json\n{changed()}\n```", YAML, "swagger: '2.0'\ninfo: {title: a, version: b}\npaths: {}"]
)
async def test_openapi_documents_of_all_kinds_pass(text: str) -> None:
    assert await codes("openapi", text) == []


@pytest.mark.parametrize(
    ("text", "path", "why"),
    [
        (changed(info={"title": "x"}), "/info", "is a required property"),
        (changed(components={}), "", "cannot be resolved"),
        (changed(openapi="9.0"), "", "known version"),
        (changed(openapi=3), "", "known version"),
        (changed(paths={"/a/{id}": {"get": {"responses": {"200": {"description": "a"}}}}}), "", "'id'"),
        (changed(paths={"/a": {"$ref": "http://127.0.0.1:9/x"}}), "/paths/~1a/$ref", "none is fetched"),
        (changed(paths={"/a": {"$ref": "file:///etc/passwd"}}), "/paths/~1a/$ref", "none is fetched"),
        (changed(paths={"/a": None, "/b": [1]}), "", ""),
        ("[1]", "", "not an object"),
        ("prose", "", "not an object"),
        ("{", "", "not JSON"),
        ("a: [", "", "not YAML"),
        ("a: &a [1]\nb: *a", "", "aliases"),
        ("a: !!binary x", "", "YAML"),
        ("{openapi: 3.1.0, info: {title: a}, paths: {}}", "/info", "version"),
        ("openapi: .nan", "", "JSON has not"),
        ("a: !!python/object/apply:os.getcwd []", "", "no value"),
    ],
)
async def test_openapi_documents_that_are_wrong(text: str, path: str, why: str) -> None:
    found = await find("openapi", text)

    assert found
    assert why in found[0].message
    assert path in found[0].path


@pytest.mark.parametrize("key", ["$id", "$schema", "$ref", "$dynamicRef"])
async def test_nothing_that_an_openapi_document_names_is_fetched(key: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        elsewhere = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        schemas = {"A": {key: elsewhere, "default": 1, "allOf": [{"$ref": "#/components/schemas/B"}]}, "B": {}}
        await find("openapi", changed(paths={}, components={"schemas": schemas}))
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


async def test_an_openapi_document_that_takes_for_ever_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longcall.validators.apart.SECONDS", 2.0)
    schemas: dict[str, Any] = {
        f"A{at}": {"allOf": [{"$ref": f"#/components/schemas/A{at + 1}"}] * 2} for at in range(40)
    }
    text = changed(paths={}, components={"schemas": {**schemas, "A40": {"type": "object"}}})

    with pytest.raises(ValidatorError, match="was stopped"):
        await one("openapi").find(Answer(text))


DOUBLE = "Here:\n```python\ndef double(x):\n    return 2 * x\n```"
HALF_RIGHT = "Here:\n```python\ndef double(x):\n    return x + 2\n```"


@pytest.mark.parametrize(("text", "found"), [(DOUBLE, []), (HALF_RIGHT, ["test_failed"])])
async def test_code_that_is_run_with_cases(text: str, found: list[str]) -> None:
    cases = [{"args": [2], "expected": 4}, {"args": [5], "expected": 10}]
    assert await codes({"type": "code", "cases": cases}, text) == found


@pytest.mark.parametrize(("text", "found"), [(DOUBLE, []), (HALF_RIGHT, ["test_failed"])])
async def test_code_that_is_run_by_tests(text: str, found: list[str]) -> None:
    tests = "from main import double\n\ndef test_five():\n    assert double(5) == 10\n"
    assert await codes({"type": "code", "tests": tests}, text) == found


async def test_code_that_is_linted() -> None:
    lint = {"type": "code", "checks": ["lint"]}
    assert await codes(lint, "```python\nprint(undefined)\n```") == ["F821"]
    assert await codes(lint, "```python\nprint(1)\n```") == []


async def test_languages_that_only_tools_know() -> None:
    javascript = {"type": "code", "language": "js"}
    assert await codes(javascript, "```js\nconst x = ;\n```") != []
    assert await codes(javascript, "```javascript\nconst x = 1;\n```") == []


async def test_what_cannot_be_decided_is_no_verdict() -> None:
    with pytest.raises(ValidatorError, match="decided nothing"):
        await one({"type": "code", "cases": [{"args": [], "expected": 1}]}).find(
            Answer("```python\nimport not_installed_anywhere\n\ndef f():\n    return 1\n```")
        )
    assert await codes({"type": "code", "cases": [{"args": [], "expected": 1}]}, "no code at all, `only` words") != []


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"cases": [{"args": [1]}]}, "exactly one of"),
        ({"cases": [{"args": [1], "expected": 1, "raises": "X"}]}, "exactly one of"),
        ({"checks": ["expected"]}, "needs `cases`"),
        ({"checks": ["tests"]}, "needs `tests`"),
    ],
)
def test_runs_that_cannot_be_are_told_at_the_door(spec: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_validators([{"type": "code", **spec}])
