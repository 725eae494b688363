"""Makes failed assertions of the contract suites speak."""

import pytest

pytest.register_assert_rewrite(
    "tools.tasks.bench",
    "tools.tasks.checks_contract",
    "tools.tasks.clock_contract",
    "tools.tasks.ending_contract",
    "tools.tasks.principal_contract",
    "tools.tasks.request_contract",
    "tools.tasks.resending_contract",
    "tools.tasks.review_contract",
    "tools.tasks.samples",
    "tools.tasks.store_contract",
)
