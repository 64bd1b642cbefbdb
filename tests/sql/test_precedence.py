"""Operators bind as DuckDB's do: expressions without parentheses, on every row of a small truth table."""

import random
from itertools import product

import duckdb
import pyarrow as pa
import pytest
from sqltest import truth

import dqcore as dq

NAMES = ("a", "b", "c", "p", "s")
CELLS = ((None, 0, 1, 2), (None, -1, 1), (0.0, 3.0), (None, True, False), (None, "a%", "ab"))
SCHEMA = pa.schema([("a", pa.int64()), ("b", pa.int64()), ("c", pa.float64()), ("p", pa.bool_()), ("s", pa.string())])
TABLE = pa.Table.from_pylist([dict(zip(NAMES, row, strict=True)) for row in product(*CELLS)], SCHEMA)


def number(rng, depth):
    kind = rng.random()
    if depth <= 0 or kind < 0.5:
        return rng.choice(["a", "b", "c", "1", "2", "-1", "0.5", "- a"])
    if kind < 0.9:
        return f"{number(rng, depth - 1)} {rng.choice('+-*/')} {number(rng, depth - 1)}"
    if kind < 0.95:
        return f"-{number(rng, 0)} {rng.choice('*-')} {number(rng, 0)}"
    return f"CASE WHEN {truth_value(rng, depth - 1)} THEN {number(rng, depth - 1)} ELSE {number(rng, depth - 1)} END"


def truth_value(rng, depth):
    kind, no = rng.random(), rng.choice(["", "NOT "])
    if depth <= 0 or kind < 0.15:
        return rng.choice(["p", "TRUE", "NULL", "a <> b", "a != b", "a >= b", "s LIKE 'a!%' ESCAPE '!'", "s LIKE '_b'"])
    if kind < 0.8:
        left, right, last = (number(rng, depth - 1) for _ in range(3))
        if kind < 0.35:
            return f"{left} {rng.choice(['=', '<>', '<', '<=', '>', '>='])} {right}"
        if kind < 0.5:
            return f"{left} {no}BETWEEN {right} AND {last}"
        return f"{left} {no}IN ({right}, {last})" if kind < 0.65 else f"{left} IS {no}NULL"
    if kind < 0.87:
        return f"NOT {truth_value(rng, depth - 1)}"
    return f"{truth_value(rng, depth - 1)} {rng.choice(['AND', 'OR'])} {truth_value(rng, depth - 1)}"


@pytest.mark.parametrize("seed", range(4))
def test_operators_bind_as_duckdbs_do(seed):
    rng, compared = random.Random(seed), 0
    with duckdb.connect() as connection:
        connection.register("given", TABLE)
        connection.execute("SET ieee_floating_point_ops = false")  # so that what is divided by zero is null
        for _ in range(100):
            sql = truth_value(rng, 3)
            try:
                want = [row[0] for row in connection.sql(f"SELECT {sql} FROM given").fetchall()]
                got = truth(sql, TABLE)
            except (duckdb.Error, dq.DQError):
                # Where one refuses what the other reads, nothing passes.
                continue
            assert got == want, sql
            compared += 1
    assert compared > 60
