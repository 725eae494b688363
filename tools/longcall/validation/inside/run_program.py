"""Runs a Python file as a program: `start.py run_program SPEC FILE PACKAGES`, PACKAGES being folders joined by `:`."""

import runpy
import sys

from enter import enter_now


def main():
    """Becomes the program."""
    enter_now()
    path, packages = sys.argv[1:3]
    sys.path.insert(0, path.rpartition("/")[0])
    sys.path += [folder for folder in packages.split(":") if folder]
    sys.argv = [path]
    runpy.run_path(path, run_name="__main__")
