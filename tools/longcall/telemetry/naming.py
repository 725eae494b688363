"""Models and providers as the semantic conventions for generative AI name them. Pure."""

from longcall.routing import Route, route

_PROVIDERS = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "cohere_chat": "cohere",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "text-completion-openai": "openai",
    "vertex_ai": "gcp.vertex_ai",
    "vertex_ai_beta": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""LiteLLM's names whose providers the conventions name otherwise; all others keep theirs."""
_FAMILIES = {
    "chatgpt": "openai",
    "claude": "anthropic",
    "gemini": "gcp.gen_ai",
    "gpt": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
}
"""Who answers to a name without a provider before it, by its beginning."""


def provider_of(model: str) -> str:
    """Returns the `gen_ai.provider.name` of a model."""
    match route(model):
        case Route.CLAUDE:
            return "anthropic"
        case Route.SCRIPTED:
            return "longcall"
        case _:
            prefix, slash, _ = model.partition("/")
            if slash:
                return _PROVIDERS.get(prefix.lower(), prefix.lower())
            return next((who for start, who in _FAMILIES.items() if model.lower().startswith(start)), "_OTHER")


def model_of(model: str) -> str:
    """Returns the `gen_ai.request.model` of a model: its name without the provider before it."""
    prefix, _, name = model.partition("/")
    return name or prefix
