"""What the tools take, each argument with its description."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

TEXT = BeforeValidator(lambda given: "" if given is None else given)
"""A text that may be left out, or null. It must be plain `str`: of any other type the SDK reads texts as JSON."""

Prompt = Annotated[str, TEXT, Field(description="What to ask. Give this or `messages`.")]
Messages = Annotated[
    list[dict[str, Any]] | None,
    Field(description='Chat turns instead of `prompt`: [{"role": "user", "content": "…"}].'),
]
Model = Annotated[str, TEXT, Field(description="provider/model as list_models shows it; empty takes the default.")]
Conversation = Annotated[str, TEXT, Field(description="Chat to go on with: name, new or known, or id.")]
System = Annotated[str, TEXT, Field(description="System text.")]
Temperature = Annotated[float | None, Field(description="0 to 2.")]
MaxTokens = Annotated[int | None, Field(description="Longest answer in tokens.")]
Effort = Annotated[Literal["none", "minimal", "low", "medium", "high"] | None, Field(description="How hard it thinks.")]
MaxCostUsd = Annotated[float | None, Field(description="US$ at most, with judges.")]
TimeoutS = Annotated[float | None, Field(description="Seconds after which the work itself is stopped.")]

Fallbacks = Annotated[list[str] | None, Field(description="Models to ask instead if the provider refuses.")]
OnInterrupt = Annotated[
    Literal["report", "retry"] | None,
    Field(description="If a crash loses the answer: tell you, or send (and pay) again."),
]
Background = Annotated[
    bool,
    Field(description="Long openai/… work: the provider keeps the answer, even through a crash here."),
]
Urgency = Annotated[Literal["now", "batch"] | None, Field(description="batch: half price, in 24 h; openai/… only.")]
Validate = Annotated[
    list[str | dict[str, Any]] | None,
    Field(
        description='What the answer must be, else it is asked again with what was wrong: "not_empty", "json", or'
        ' {"type": json_schema{schema} | field_present{path,equals} | contains{all,any,none} | regex{pattern,mode} |'
        " length{min,max,unit} | code{language} | sql{dialect,allow} | openapi | python{code} |"
        " judge{criteria,models} | plugin{name}}, each with target, on_fail (retry|warn|fail), hint."
    ),
]
RetryArgument = Annotated[
    dict[str, Any] | None,
    Field(
        description="max_attempts (3), budget {tokens,usd,seconds}, escalate [models], on_exhausted"
        " (error|return_best|return_last), max_attempts_before_human, …"
    ),
]
Schema = Annotated[dict[str, Any] | None, Field(description="JSON Schema that the answer's JSON must fit; checked.")]
Servers = Annotated[
    list[str] | None, Field(description="MCP servers whose tools the model may use; list_models names them.")
]
Files = Annotated[
    list[str] | None,
    Field(description="Files to show it: path, path:10-80, folder, src/**/*.py."),
]
OutputFile = Annotated[str, TEXT, Field(description="File to write the answer to.")]
Part = Annotated[Literal["text", "code", "json"] | None, Field(description="Part to write.")]
Overwrite = Annotated[bool, Field(description="Replace that file.")]
Tools = Annotated[list[str] | None, Field(description="Only these tools of `servers`.")]
MaxTurns = Annotated[int | None, Field(description="Turns with tools at most (10).")]
DryRun = Annotated[bool, Field(description="Send nothing: tell files, tokens, price.")]
Fresh = Annotated[bool, Field(description="Ask anew even if the same runs or was not handed over yet.")]
IdempotencyKey = Annotated[
    str,
    TEXT,
    Field(description="A name for this request; reuse it to repeat the request: same key, same task."),
]


Prompts = Annotated[
    list[str | dict[str, Any]] | None,
    Field(description="Several prompts, texts or {prompt, idempotency_key}: one group."),
]
AtOnce = Annotated[int | None, Field(description="Members at once at most.")]
CombineArgument = Annotated[
    str | dict[str, Any] | None,
    Field(description='One answer of all: "vote" or {"best": {model, criteria}}; else a list.'),
]
Resume = Annotated[str, TEXT, Field(description="task_id that needs_review: ask its model again, with `guidance`.")]
Guidance = Annotated[str, TEXT, Field(description="With `resume`: what to do better.")]
TaskIdOrNone = Annotated[str, TEXT, Field(description="Empty lists recent tasks of this project.")]
Code = Annotated[str, TEXT, Field(description="One file's text, in a code fence or not.")]
Cases = Annotated[
    list[dict[str, Any]] | None,
    Field(
        description='[{"args": [2], "expected": 4}], or kwargs, raises, expected_stdout (with stdin: of the program),'
        " function, tolerance. The code never sees what is expected."
    ),
]
WaitS = Annotated[
    float | None,
    Field(ge=0, description="Seconds to wait; else as long as your host allows."),
]
