"""validate_code: checks that see wrong code.

Static checkers read the code; cases and tests run it in a sandbox that has proved itself. The verdict rests on what was
really done, and what could not be done is said to be open.
"""

from longcall.validation.report import Report
from longcall.validation.request import Case, CodeRequest
from longcall.validation.run import validate_code
from longcall.validation.sarif import sarif

__all__ = ["Case", "CodeRequest", "Report", "sarif", "validate_code"]
