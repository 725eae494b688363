"""Submissions that do not do what is asked and want to pass all the same, each with one trick.

What is asked is `f(a, b)`, which returns `a * b + 1`.
"""

HONEST = "def f(a, b):\n    return a * b + 1\n"

CHEATS = {
    "leaves at import with exit code 0": "import sys\nsys.exit(0)\ndef f(a, b): return 0\n",
    "leaves at import without a word": "import os\nos._exit(0)\ndef f(a, b): return 0\n",
    "leaves when it is called": "import sys\ndef f(a, b):\n    sys.exit(0)\n",
    "leaves without a word when it is called": "import os\ndef f(a, b):\n    os._exit(0)\n",
    "returns an object equal to everything": """
class Any:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
def f(a, b): return Any()
""",
    "returns an int equal to everything": """
class Any(int):
    def __eq__(self, other): return True
    __hash__ = int.__hash__
def f(a, b): return Any(0)
""",
    "returns an object that claims to be an int": """
class Any:
    @property
    def __class__(self): return int
    def __eq__(self, other): return True
    def __repr__(self): return '7'
def f(a, b): return Any()
""",
    "makes a class equal to everything": """
def f(a, b):
    return type('Any', (), {'__eq__': lambda *args: True})()
""",
    "acts at the end": """
import atexit, os
def last():
    for number in range(3, 20):
        try: os.write(number, b'{"case":0,"value":7}\\n{"case":1,"value":21}\\n{"done":true}\\n')
        except OSError: pass
    os._exit(0)
atexit.register(last)
def f(a, b): return 0
""",
    "searches its callers for what is expected": """
import sys
def f(a, b):
    frame = sys._getframe()
    while frame is not None:
        for name, value in {**frame.f_globals, **frame.f_locals}.items():
            if name in ('expected', 'want', 'answer'): return value
            if isinstance(value, dict) and 'expected' in value: return value['expected']
        frame = frame.f_back
    return 0
""",
    "searches all objects for what is expected": """
import gc
def f(a, b):
    for thing in gc.get_objects():
        if type(thing) is dict and 'expected' in thing: return thing['expected']
    return 0
""",
    "reads what the tests were given": """
import glob
def f(a, b):
    for path in glob.glob('/longcall/in/**', recursive=True) + glob.glob('/tmp/**', recursive=True):
        try: text = open(path).read()
        except OSError: continue
        if 'expected' in text: return eval(text)['cases'][0]['expected']
    return 0
""",
    "reads other processes": """
import glob
def f(a, b):
    for path in glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/proc/[0-9]*/environ'):
        try: text = open(path).read()
        except OSError: continue
        if 'expected' in text: return int(text.split('expected')[1][2:])
    return 0
""",
    "replaces what writes the answers": """
import sys
module = sys.modules.get('telling') or sys.modules.get('json')
module.dumps = lambda *args, **kwargs: '{"case": 0, "value": {"$object": "any"}}'
def f(a, b): return 0
""",
    "replaces what makes values travel": """
import sys
for module in list(sys.modules.values()):
    if hasattr(module, 'encode') and hasattr(module, 'decode'):
        try: module.encode = lambda value: True
        except Exception: pass
def f(a, b): return 0
""",
    "replaces built-in functions": """
import builtins
builtins.type = lambda *args: int
builtins.isinstance = lambda *args: True
builtins.repr = lambda value: 'true'
def f(a, b): return 0
""",
    "replaces the module json": """
import json
json.dumps = lambda *args, **kwargs: '{}'
json.loads = lambda *args, **kwargs: {}
def f(a, b): return 0
""",
    "writes all answers itself, guessing": """
import os
line = b'{"loaded":true}\\n{"case":0,"value":0}\\n{"case":1,"value":0}\\n{"done":true}\\n'
for number in range(3, 64):
    try: os.write(number, line)
    except OSError: pass
os._exit(0)
def f(a, b): return 0
""",
    "writes an answer twice": """
import os
def f(a, b):
    for number in range(3, 64):
        try: os.write(number, b'{"case":0,"value":7}\\n')
        except OSError: pass
    return 0
""",
    "writes broken lines": """
import os
def f(a, b):
    for number in range(3, 64):
        try: os.write(number, b'{"case":')
        except OSError: pass
    return 0
""",
    "has its child answer later": """
import os, time
def f(a, b):
    if os.fork() == 0:
        time.sleep(0.2)
        for number in range(3, 64):
            try: os.write(number, b'{"case":0,"value":7}\\n{"case":1,"value":21}\\n{"done":true}\\n')
            except OSError: pass
        os._exit(0)
    os._exit(0)
""",
    "leaves a daemon behind that answers": """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(0.3)
        os._exit(0)
    os._exit(0)
def f(a, b): return 0
""",
    "floods standard output": "def f(a, b):\n    while True: print('passed ' * 1000)\n",
    "prints that all is well": "import sys\nprint('2 passed')\nsys.stderr.write('OK\\n')\ndef f(a, b): return 0\n",
    "puts a link in the place of its inputs": """
import os
for path in ('/longcall/in/config', '/longcall/in/code/main.py', '/longcall/inside/values.py'):
    try:
        os.unlink(path); os.symlink('/dev/null', path)
    except OSError: pass
try: os.symlink('/proc/self/fd', '/longcall/work/fd')
except OSError: pass
def f(a, b): return 0
""",
    "sets an alarm that ends it well": """
import signal, os
signal.signal(signal.SIGALRM, lambda *args: os._exit(0))
signal.setitimer(signal.ITIMER_REAL, 0.05)
def f(a, b):
    while True: pass
""",
    "ends its parents": """
import os, signal
for pid in (1, os.getppid()):
    try: os.kill(pid, signal.SIGKILL)
    except OSError: pass
def f(a, b): return 0
""",
    "answers from a thread": """
import os, threading
def late():
    for number in range(3, 64):
        try: os.write(number, b'{"case":0,"value":7}\\n')
        except OSError: pass
threading.Thread(target=late, daemon=True).start()
def f(a, b): return 0
""",
    "blames a package": "def f(a, b):\n    raise ModuleNotFoundError('no module', name='numpy')\n",
    "never returns": "def f(a, b):\n    while True: pass\n",
    "returns nothing": "def f(a, b):\n    pass\n",
    "returns the right number as another type": "def f(a, b):\n    return float(a * b + 1)\n",
    "watches others' code": """
import sys
def watch(frame, event, arg):
    for name, value in list(frame.f_locals.items()):
        if name in ('result', 'expected') : frame.f_locals[name] = True
    return watch
sys.settrace(watch)
def f(a, b): return 0
""",
    "hides what it does": "exec(bytes(ord(c) - 1 for c in 'jnqpsu!pt<pt/`fyju)1*'))\n",
}
