"""The official suites, in full: what they require holds without an exception."""

from collections.abc import Callable
from typing import Any

import pytest
from support.suites import json_schema_suite, json_test_suite
from support.validating import codes

from longcall.validators.document import NotJsonError, parse_json
from longcall.validators.json_schema import compile_schema

DRAFTS = {
    "draft2020-12": ("https://json-schema.org/draft/2020-12/schema", 1257),
    "draft7": ("http://json-schema.org/draft-07/schema#", 913),
}


def remotes() -> Callable[[str], Any]:
    """Returns a retriever of the documents that the suite says stand on localhost:1234."""
    files = json_schema_suite()
    return lambda uri: files["remotes/" + uri.removeprefix("http://localhost:1234/").split("#")[0]]


@pytest.mark.parametrize("draft", DRAFTS)
def test_all_required_tests_of_a_draft_of_json_schema_hold(draft: str) -> None:
    uri, least = DRAFTS[draft]
    wrong: list[str] = []
    asked = 0
    for name, groups in json_schema_suite().items():
        if name.split("/")[:-1] != ["tests", draft]:
            continue
        for group in groups:
            schema = {"$schema": uri, **group["schema"]} if isinstance(group["schema"], dict) else group["schema"]
            validator = compile_schema(schema, formats=False, retriever=remotes())
            for test in group["tests"]:
                asked += 1
                if validator.is_valid(test["data"]) != test["valid"]:
                    wrong.append(f"{name}: {group['description']}: {test['description']}")

    assert wrong == []
    assert asked >= least


def test_documents_of_the_json_suite_are_taken_or_refused_as_it_says() -> None:
    wrong: list[str] = []
    for name, text in json_test_suite().items():
        try:
            parse_json(text)
            taken = True
        except NotJsonError:
            taken = False
        if (name[0] == "y" and not taken) or (name[0] == "n" and taken):
            wrong.append(name)

    assert wrong == []
    assert {name[0] for name in json_test_suite()} == {"i", "n", "y"}
    assert len(json_test_suite()) > 250


async def test_the_json_validator_says_the_same_of_whole_answers() -> None:
    spec = {"type": "json", "fenced": False, "unique_keys": False}
    for name, text in json_test_suite().items():
        found = await codes(spec, text)
        assert (not found) if name[0] == "y" else (found or name[0] == "i"), name
