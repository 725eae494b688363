"""Calls the functions of a submission with the inputs of cases, and tells what came back. It knows no expected value.

`start.py call_cases SPEC CONFIG DESCRIPTOR`: CONFIG a file, DESCRIPTOR where each outcome is
written as a line of JSON. Whatever the submission does to this process, it can only change what is claimed to have come
back; whether that is right is decided outside.
"""

import io
import os
import sys

from enter import enter_now
from telling import open_result, read_config, tell
from values import decode, encode


def main():
    """Runs every case."""
    enter_now()
    config = read_config(sys.argv[1])
    config["code"] = sys.argv[1].rpartition("/")[0] + "/code"
    descriptor = open_result(sys.argv[2])
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)

    def say(record, tell=tell, descriptor=descriptor):
        tell(descriptor, record)

    _run(config, say)
    say({"done": True})
    os._exit(0)  # neither atexit nor a thread left over has a say in what was told


def _run(config, say):
    sys.path[:0] = [config["code"]]
    sys.path += config["path"]
    try:
        module = _load(config)
    except BaseException as error:  # SystemExit too: a submission that leaves at import has failed
        say({"load": _raised(error)})
        return
    say({"loaded": True})
    for number, case in enumerate(config["cases"]):
        say({"case": number, **_outcome(module, case)})


def _load(config):
    path = f"{config['code']}/{config['main']}"
    with open(path, encoding="utf-8") as file:
        source = file.read()
    module = type(sys)(config["module"])
    module.__file__ = path
    sys.modules[config["module"]] = module
    exec(compile(source, path, "exec"), module.__dict__)
    return module


def _outcome(module, case):
    printed = io.StringIO()
    before, sys.stdout = sys.stdout, printed if case["printed"] else sys.stdout
    try:
        function = module
        for name in case["function"].split("."):
            function = getattr(function, name)
        value = function(*decode(case["args"]), **decode(case["kwargs"]))
        told = {"value": encode(value)}
    except BaseException as error:  # SystemExit and KeyboardInterrupt are outcomes like others
        told = _raised(error)
    finally:
        sys.stdout = before
    if case["printed"]:
        told["printed"] = printed.getvalue()
    return told


def _raised(error):
    kinds = [kind.__name__ for kind in type(error).__mro__]
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename != __file__:
            line = trace.tb_lineno
        trace = trace.tb_next
    try:
        text = str(error)[:500]
    except Exception:  # the class is a stranger's
        text = ""
    missing = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
    return {"raised": kinds, "message": text, "line": line, "missing": missing if isinstance(missing, str) else None}
