"""`longcall proxy`: every model behind the chat completions of OpenAI's API, each request a durable task."""
