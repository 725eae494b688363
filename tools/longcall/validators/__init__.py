"""What a good answer is, in the caller's words."""
