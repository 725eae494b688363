"""Programs that run inside a sandbox. They use the standard library alone and import nothing of longcall."""
