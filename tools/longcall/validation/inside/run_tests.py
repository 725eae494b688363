"""Runs tests beside the code that they test, and tells the outcome of each.

`start.py run_tests SPEC CONFIG DESCRIPTOR`. Standard input holds the word that every line must carry; it is read
before any code of the submission's is loaded. With `dry` in CONFIG the tests are only collected, and the code under
test is a stub that has every name: so much is found that depends on the tests alone.
"""

import importlib
import importlib.abc
import importlib.machinery
import os
import sys
import types

from enter import enter_now
from telling import dumps, open_result, read_config


class _Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Another name for a module: the only file of a submission is `main`, and `solution` too."""

    def __init__(self, names):
        self._names = names

    def find_spec(self, fullname, path=None, target=None):
        return importlib.machinery.ModuleSpec(fullname, self) if fullname in self._names else None

    def create_module(self, spec):
        return importlib.import_module(self._names[spec.name])

    def exec_module(self, module):
        pass


class _Stub(types.ModuleType):
    """A module that has every name."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (Exception,), {"__init__": lambda self, *args, **kwargs: None})


def main():
    """Runs the tests."""
    enter_now()
    word = sys.stdin.read()
    config = read_config(sys.argv[1])
    folder = sys.argv[1].rpartition("/")[0]
    descriptor = open_result(sys.argv[2])

    def tell(record, dumps=dumps, write=os.write):
        line = dumps({**record, "word": word}).encode() + b"\n"
        while line:
            line = line[write(descriptor, line) :]

    sys.path += config["path"]
    run = _with_pytest if config["framework"] == "pytest" else _with_unittest
    __import__(config["framework"])  # before anything of the submission's could take its place
    if config.get("dry"):
        for name in [*config["modules"], *config["alias"]]:
            if name not in sys.modules and name not in sys.stdlib_module_names:
                sys.modules[name] = _Stub(name)
    else:
        # After the standard library, so that no file of the submission's takes the place of one of its modules.
        sys.path.insert(len(sys.path) - len(config["path"]), folder + "/code")
        sys.meta_path.append(_Alias(config["alias"]))
    run(config, folder + "/tests", tell)
    tell({"done": True})
    os._exit(0)


def _with_pytest(config, folder, tell):
    import pytest

    class Plugin:
        def pytest_collection_finish(self, session):
            tell({"collected": [item.nodeid for item in session.items]})

        def pytest_collectreport(self, report):
            if report.failed:
                _tell_missing(str(report.longrepr), tell)
                tell(
                    {"test": report.nodeid or "collection", "outcome": "failed", "message": str(report.longrepr)[-800:]}
                )

        def pytest_runtest_logreport(self, report):
            if report.when == "call" or report.outcome != "passed":
                _tell_missing(str(report.longrepr or ""), tell)
                tell({"test": report.nodeid, "outcome": report.outcome, "message": str(report.longrepr or "")[-800:]})

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    chosen = [
        f"{folder}/{name}"
        for name in config["tests"]
        if name.rpartition("/")[2] != "conftest.py" and name.endswith(".py")
    ]
    options = [
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        "--rootdir",
        folder,
        "--import-mode=importlib",
        "-q",
        "--tb=short",
    ]
    options += ["--continue-on-collection-errors", *(["--collect-only"] if config.get("dry") else [])]
    pytest.main([*options, *chosen], plugins=[Plugin()])


def _with_unittest(config, folder, tell):
    import unittest

    class Result(unittest.TestResult):
        def addSuccess(self, test):
            tell({"test": test.id(), "outcome": "passed"})

        def addSkip(self, test, reason):
            tell({"test": test.id(), "outcome": "skipped"})

        def addFailure(self, test, error):
            tell({"test": test.id(), "outcome": "failed", "message": self._exc_info_to_string(error, test)[-800:]})

        def addError(self, test, error):
            text = self._exc_info_to_string(error, test)
            _tell_missing(text, tell)
            tell({"test": test.id(), "outcome": "failed", "message": text[-800:]})

        def addSubTest(self, test, subtest, error):
            if error is not None:
                self.addFailure(test, error)

        def addExpectedFailure(self, test, error):
            tell({"test": test.id(), "outcome": "passed"})

        def addUnexpectedSuccess(self, test):
            tell({"test": test.id(), "outcome": "failed", "message": "it was expected to fail"})

    sys.path.insert(0, folder)
    names = [name.removesuffix(".py").replace("/", ".") for name in config["tests"] if name.endswith(".py")]
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    tell({"collected": [test.id() for test in _each(suite)]})
    if not config.get("dry"):
        suite.run(Result())


def _each(suite):
    for test in suite:
        if hasattr(test, "__iter__"):
            yield from _each(test)
        else:
            yield test


def _tell_missing(text, tell):
    _, found, rest = text.partition("ModuleNotFoundError: No module named ")
    if found:
        tell({"missing": rest.split("\n")[0][:200]})
