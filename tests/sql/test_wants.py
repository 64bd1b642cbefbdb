import pytest

from dqcore.sql import wants


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("a > 5", {"a": "number"}),
        ("5 >= a", {"a": "number"}),
        ("a > '5'", {}),
        ("a = b", {}),
        ("a = b AND b < 5", {"a": "number", "b": "number"}),
        ("a + b = c", {"a": "number", "b": "number", "c": "number"}),
        ("-a IS NULL", {"a": "number"}),
        ("ABS(a) IS NULL", {"a": "number"}),
        ("LENGTH(a) = 5", {}),
        ("LENGTH(a) = b", {"b": "number"}),
        ("a IN (1, 2, NULL) OR b IN ('x')", {"a": "number"}),
        ("a BETWEEN b AND 10", {"a": "number", "b": "number"}),
        ("a > DATE '2026-01-01'", {"a": "time"}),
        ("a BETWEEN TIMESTAMP '2026-01-01 00:00' AND b", {"a": "time", "b": "time"}),
        ("CAST(a AS DOUBLE) > 5", {}),
        ("CAST(a AS DATE) = b", {"b": "time"}),
        ("COALESCE(a, 0) = b", {"a": "number", "b": "number"}),
        ("CASE WHEN c = 'x' THEN a ELSE b END > 5", {"a": "number", "b": "number"}),
        ("CASE a WHEN 1 THEN b ELSE 'x' END = 'y'", {"a": "number"}),
        ("a > 5 AND a = 'x'", {}),
        ("a LIKE '1%' AND b", {}),
    ],
)
def test_columns_that_are_compared_with_numbers_or_times(sql, wanted):
    assert wants(sql) == wanted
