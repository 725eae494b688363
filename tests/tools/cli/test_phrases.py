"""On the command line sentences name its options and commands, not the tools' arguments."""

import pytest

from longcall.cli.phrases import in_shell


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("`timeout_s` must be above 0.", "`--timeout` must be above 0."),
        ("Give either `model` or `models`, not both.", "Give either `--model` or `--models`, not both."),
        ("Call poll_task without an id to list them.", "Call `longcall tasks` to list them."),
        ("poll_task tells more of it.", "`longcall tasks show` tells more of it."),
        ("list_models shows what is known here.", "`longcall models` shows what is known here."),
        ("`messages` must be a list.", "`messages` must be a list."),
        ("Call poll_task(task_id='x').", "Call poll_task(task_id='x')."),
        ("models and a timeout_s", "models and a timeout_s"),
    ],
)
def test_a_sentence_names_what_there_is_in_a_shell(sentence: str, told: str) -> None:
    assert in_shell(sentence) == told
