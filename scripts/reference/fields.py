"""The fields of a class, of whatever kind: a dataclass, a model of pydantic or a TypedDict."""

import ast
import dataclasses
import inspect
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

from pydantic_core import PydanticUndefined

_FOREIGN = frozenset({"abc", "builtins", "pydantic.main", "pydantic_settings.main", "typing"})


class SilentError(Exception):
    """Something says nothing of itself."""


@dataclass(frozen=True, slots=True)
class Field:
    """What the code says of one field."""

    name: str
    type: str
    default: str
    """As Python writes it; empty for a field that must be given."""
    about: str


def fields_of(owner: type) -> list[Field]:
    """Returns the public fields of a class in their order, those of its bases first.

    What a field is about stands in the text below it, or in the description that it was declared with.
    """
    found: dict[str, Field] = {}
    for base in reversed(owner.__mro__):
        if base.__module__ not in _FOREIGN:
            found |= {field.name: field for field in _declared(base, owner)}
    return list(found.values())


def _declared(base: type, owner: type) -> list[Field]:
    (tree,) = ast.parse(dedent(inspect.getsource(base))).body
    assert isinstance(tree, ast.ClassDef)
    found: list[Field] = []
    for at, node in enumerate(tree.body):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name)) if not name.startswith(("_", "model_config")):
                about = _text_below(tree.body, at) or _description(owner, name)
                found.append(Field(name, type_text(node.annotation), _default(owner, name), about))
            case _:
                pass
    return found


def _text_below(body: list[ast.stmt], at: int) -> str:
    match body[at + 1 : at + 2]:
        case [ast.Expr(value=ast.Constant(value=str(text)))]:
            return inspect.cleandoc(text)
        case _:
            return ""


def demand(about: str, what: str) -> str:
    """Returns what is said of something.

    Raises:
        SilentError: nothing is.
    """
    if not about:
        raise SilentError(f"{what} has no description.")
    return about


def type_text(node: ast.expr) -> str:
    """Returns an annotation as it was written, without what Annotated adds to it."""
    match node:
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[first, *_])):
            return type_text(first)
        case _:
            return ast.unparse(node).replace("'", '"')


def _description(owner: type, name: str) -> str:
    model_fields: dict[str, Any] = getattr(owner, "model_fields", {})
    return getattr(model_fields.get(name), "description", None) or ""


def _default(owner: Any, name: str) -> str:
    if dataclasses.is_dataclass(owner):
        declared: Any = next(field for field in dataclasses.fields(owner) if field.name == name)
    else:
        declared = getattr(owner, "model_fields", {}).get(name)
    default: Any = getattr(declared, "default", None)
    if declared is None or default in (dataclasses.MISSING, PydanticUndefined):
        return ""
    return f"{type(default).__name__}()" if hasattr(default, "model_fields") else repr(default).replace("'", '"')
