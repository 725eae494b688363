"""What a good answer is, in the caller's words."""

from longcall.validators.judge import Judge

Validator = Judge
