"""How the programs in here tell what they found: lines of JSON. Without `json`, which takes 8 ms to import."""

import os

try:
    from _json import encode_basestring_ascii as quoted
except ImportError:  # an interpreter without the C part
    from json.encoder import py_encode_basestring_ascii as quoted


def open_result(where):
    """Returns the descriptor of a number or of a pipe's path; children do not inherit it."""
    if where.isdigit():
        os.set_inheritable(int(where), False)
        return int(where)
    return os.open(where, os.O_WRONLY)


def dumps(value):
    """Returns what `values.encode` makes as JSON."""
    if value is None:
        return "null"
    kind = type(value)
    if kind is str:
        return quoted(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is list:
        return f"[{','.join([dumps(part) for part in value])}]"
    if kind is dict:
        return "{" + ",".join([f"{quoted(key)}:{dumps(part)}" for key, part in value.items()]) + "}"
    return repr(value)


def tell(descriptor, record, dumps=dumps, write=os.write):
    """Writes one record."""
    line = dumps(record).encode() + b"\n"
    while line:
        line = line[write(descriptor, line) :]


def read_config(path):
    """Returns what longcall has written for this run."""
    with open(path, encoding="utf-8") as file:
        return eval(file.read(), {"__builtins__": {}})
