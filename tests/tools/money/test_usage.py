"""What was spent, added up."""

from dataclasses import replace

from longcall.money.usage import Line, usage_report

LINE = Line("2026-11-01", "/a", "", "x", 2, 0, 10, 5, 1, 2, 0.5, 0.5, 15)
UNKNOWN = replace(LINE, model="y", requests=1, unpriced=1, cost_usd=0.0, counted_usd=0.125)
LATER = replace(LINE, day="2026-11-02", project="/b", cost_usd=1.5, counted_usd=1.5)


def test_days_come_in_order_and_models_and_projects_with_the_dearest_first():
    lines = [LATER, UNKNOWN, LINE]
    by_day, by_model, by_project = [usage_report(lines, by, 30) for by in ("day", "model", "project")]
    assert [(line.name, line.requests, line.cost_usd) for line in by_day.lines] == [
        ("2026-11-01", 3, 0.5), ("2026-11-02", 2, 1.5),
    ]  # fmt: skip
    assert [(line.name, line.cost_usd) for line in by_model.lines] == [("x", 2.0), ("y", None)]
    assert [line.name for line in by_project.lines] == ["/b", "/a"]
    assert by_day.total == by_model.total == by_project.total
    assert (by_day.total.requests, by_day.total.cost_usd, by_day.total.unpriced) == (5, 2.0, 1)


def test_a_cost_that_nobody_knows_is_unknown_and_never_nothing():
    [line] = usage_report([UNKNOWN], "model", 1).lines
    assert (line.cost_usd, line.unpriced, line.counted_usd) == (None, 1, 0.125)
    [free] = usage_report([replace(LINE, cost_usd=0.0)], "model", 1).lines
    assert free.cost_usd == 0.0


def test_without_requests_there_is_no_cost():
    report = usage_report([], "day", 7)
    assert (report.lines, report.total.requests, report.total.cost_usd) == ([], 0, None)
