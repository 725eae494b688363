"""Runs a Python file as a program: `python run_program.py SPEC FILE PACKAGES`, PACKAGES being folders joined by `:`."""

import sys

sys.path.insert(0, __file__.rpartition("/")[0])

import json
import runpy

from enter import enter

del sys.path[0]


def main():
    """Becomes the program."""
    spec, path, packages = sys.argv[1:4]
    enter(json.loads(spec))
    sys.path.insert(0, path.rpartition("/")[0])
    sys.path += [folder for folder in packages.split(":") if folder]
    sys.argv = [path]
    runpy.run_path(path, run_name="__main__")


if __name__ == "__main__":
    main()
