"""Which numbered sentences of the specification have a test that carries their number.

A test carries a number in its name (`test_c16_…`) or in a mark (`@pytest.mark.spec("M5", "H1")`,
also in a file's `pytestmark`). `make spec` prints the list.
"""
