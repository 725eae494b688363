# The same words as CI. `just` alone lists them.
default:
    @just --list

# everything CI runs
check:
    scripts/test

test *arguments:
    scripts/test {{ if arguments == "" { "tests" } else { arguments } }}

format:
    uv run ruff format .
    uv run ruff check --fix .

lint:
    uv run ruff check .
    uv run lint-imports
    uv run python scripts/limits.py

types:
    uv run pyright

# builds the documentation into build/docs
docs:
    scripts/docs

# writes the pages of docs/reference anew, from the code
reference:
    PYTHONPATH=scripts uv run python -m reference

bench *parts:
    uv run python -m benchmarks {{ parts }}

# the eight cases that must hold, against the real Claude Code
essential:
    scripts/test tests/acceptance/test_essential.py
