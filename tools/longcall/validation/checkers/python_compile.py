"""Python's own compiler, in a process of its own."""

from collections.abc import Sequence

from longcall.validation.checkers import Files
from longcall.validation.checkers.tools import diagnostic
from longcall.validation.looking import look_at_python
from longcall.validation.report import Diagnostic


class PythonCompile:
    """What cannot be compiled cannot run."""

    name = "compile"
    checks = ("syntax",)
    languages = frozenset({"python"})
    confidence = "high"

    def version(self) -> str | None:
        """Returns nothing: the report names the interpreter elsewhere."""
        return None

    async def look(self, files: Files, wanted: frozenset[str]) -> Sequence[Diagnostic]:
        """Returns each file's first syntax error."""
        del wanted
        looked = await look_at_python(files.texts, files.folder)
        return [
            diagnostic(
                path,
                (error[0] or 1, error[1] or 1),
                error[4],
                check="syntax",
                source=self.name,
                code="SyntaxWarning" if len(error) > 5 else "SyntaxError",
                severity="warning" if len(error) > 5 else "error",
                end=(error[2] or 1, error[3] or 1),
            )
            for path, seen in looked.items()
            for error in map(list, seen.errors)
        ]
