"""Compiles Python files without running them, and tells what only a parser sees: syntax, functions, signs of cheating.

Reads a JSON object of texts by path, writes JSON. A process of its own, since a text can be built to exhaust the
parser.
"""

import ast
import json
import sys
import warnings

_CALLS = {
    "os._exit": "leaves before anything is told", "os.abort": "leaves before anything is told",
    "os.kill": "ends processes", "os.killpg": "ends processes", "os.fork": "leaves a copy behind",
    "os.dup2": "rewires descriptors", "os.write": "writes to descriptors directly",
    "os.fdopen": "opens descriptors by number",
    "os.closerange": "closes descriptors", "os.execv": "replaces the process", "os.execve": "replaces the process",
    "os.execvp": "replaces the process", "os.execl": "replaces the process",
    "sys._getframe": "reads its caller's variables", "sys._current_frames": "reads others' variables",
    "sys.settrace": "watches or changes others' code", "sys.setprofile": "watches others' code",
    "inspect.currentframe": "reads its caller's variables", "inspect.stack": "reads its caller's variables",
    "gc.get_objects": "searches others' objects", "gc.get_referrers": "searches others' objects",
    "atexit.register": "acts after the tests", "signal.signal": "changes how signals end the run",
    "signal.alarm": "ends the run", "threading._shutdown": "acts after the tests",
    "faulthandler.dump_traceback_later": "ends the run", "code.interact": "takes over",
}  # fmt: skip
_MODULES = {
    "ctypes": "reaches past the language", "_pytest": "reaches into the test framework",
    "pytest": "reaches into the test framework", "unittest.case": "reaches into the test framework",
    "unittest.mock": "replaces others' functions", "conftest": "reaches into the test framework",
    "atexit": "acts after the tests", "gc": "searches others' objects", "sitecustomize": "changes the interpreter",
}  # fmt: skip
_NAMES = {
    "tb_frame",
    "f_back",
    "f_locals",
    "f_globals",
    "__subclasses__",
    "_getframe",
    "cr_frame",
    "gi_frame",
    "f_builtins",
}
_PATCHED = {
    "builtins",
    "__builtins__",
    "sys",
    "os",
    "json",
    "pytest",
    "unittest",
    "math",
    "random",
    "time",
    "importlib",
}


def look(path, text):
    """Returns what there is to say about one file."""
    found = {"errors": [], "functions": [], "flags": []}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            compile(text, path, "exec", dont_inherit=True)
            tree = ast.parse(text, path)
        except SyntaxError as error:
            found["errors"].append([error.lineno, error.offset, error.end_lineno, error.end_offset, error.msg])
            return found
        except (ValueError, RecursionError, MemoryError, OverflowError) as error:
            found["errors"].append([1, 1, 1, 1, f"it cannot be compiled: {error}"])
            return found
    found["errors"] += [[w.lineno, 1, w.lineno, 1, str(w.message), "warning"] for w in caught]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found["functions"] = [n.name for n in tree.body if isinstance(n, kinds) and not n.name.startswith("_")]
    found["flags"] = sorted({flag for node in _outside_main(tree) for flag in _flags(node)})
    return found


def _outside_main(tree):
    # What stands under `if __name__ == "__main__"` does not run beside tests.
    for top in tree.body:
        if (
            isinstance(top, ast.If)
            and isinstance(top.test, ast.Compare)
            and getattr(top.test.left, "id", "") == "__name__"
        ):
            continue
        yield from ast.walk(top)


def _flags(node):
    place = (getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1)
    if isinstance(node, ast.Attribute | ast.Name):
        name = ast.unparse(node)
        if name in _CALLS:
            yield (*place, name, _CALLS[name])
        elif isinstance(node, ast.Attribute) and node.attr in _NAMES:
            yield (*place, node.attr, "reads frames or classes that are not its own")
    elif isinstance(node, ast.Import | ast.ImportFrom):
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        yield from ((*place, name, _MODULES[name]) for name in modules if name in _MODULES)
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((*place, name, _CALLS[name]) for name in names if name in _CALLS)
    elif isinstance(node, ast.Assign | ast.AugAssign | ast.Delete):
        yield from _patches(node, place)
    elif isinstance(node, ast.FunctionDef) and node.name in ("__eq__", "__ne__", "__class__", "__instancecheck__"):
        yield from _always_equal(node, place)
    elif isinstance(node, ast.Call):
        yield from _calls(node, place)


def _patches(node, place):
    targets = [node.target] if isinstance(node, ast.AugAssign) else node.targets
    for target in targets:
        name = ast.unparse(target)
        root = name.split(".")[0].split("[")[0]
        if isinstance(target, ast.Attribute | ast.Subscript) and root in _PATCHED and name != "sys.path":
            yield (*place, name, "changes a module that is not its own")
        if name in ("__class__", "__eq__"):
            yield (*place, name, "changes what it equals")


def _always_equal(node, place):
    body = [part for part in node.body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))]
    reads = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} & {arg.arg for arg in node.args.args}
    if len(body) == 1 and isinstance(body[0], ast.Return) and not reads:
        yield (*place, node.name, "does not look at what it is compared with")


def _calls(node, place):
    name = ast.unparse(node.func)
    if name in ("exit", "quit", "sys.exit") or (name == "SystemExit"):
        yield (*place, name, "leaves before anything is told")
    elif name in ("exec", "eval", "compile", "__import__", "importlib.import_module"):
        yield (*place, name, "runs what cannot be seen here")
    elif name == "type" and len(node.args) == 3:
        yield (*place, name, "makes a class that cannot be seen here")
    elif name == "setattr" and len(node.args) > 1 and str(getattr(node.args[1], "value", "__")).startswith("__"):
        yield (*place, name, "changes what cannot be seen here")
    elif name in ("setattr", "delattr") and node.args and ast.unparse(node.args[0]).split(".")[0] in _PATCHED:
        yield (*place, name, "changes a module that is not its own")
    elif name == "getattr" and len(node.args) > 1 and not isinstance(node.args[1], ast.Constant):
        yield (*place, name, "reaches what cannot be seen here")


if __name__ == "__main__":
    sys.stdout.write(json.dumps({path: look(path, text) for path, text in json.load(sys.stdin).items()}))
