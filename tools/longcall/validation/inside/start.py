"""Starts one of the programs beside it: `python -I -S start.py PROGRAM SPEC …`.

A program that is imported has its bytecode stored; one that is named on the command line would be compiled at each
start. SPEC is the literal that `enter.enter` takes.
"""

import sys

sys.path.insert(0, __file__.rpartition("/")[0])
program = __import__(sys.argv.pop(1))
del sys.path[0]
program.main()
