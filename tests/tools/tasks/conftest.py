"""Makes failed assertions of the contract suites speak."""

import pytest

pytest.register_assert_rewrite("tools.tasks.store_contract", "tools.tasks.ending_contract", "tools.tasks.samples")
