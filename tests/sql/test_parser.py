import inspect
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import dqcore as dq
from dqcore.sql import columns_in
from dqcore.sql.parser import parse
from dqcore.sql.syntax import Case, Chain, Compare, Literal, Logic, Negate, Not

REFUSED = {
    # An aggregate, a window, a subquery, the time of day: SQL that is not about one row.
    "SUM(a) > 1": ("line 1, column 1", "no function 'SUM'"),
    "a > avg(a)": ("line 1, column 5", "no function 'avg'"),
    "COUNT(*) > 1": ("line 1, column 1", "no function 'COUNT'"),
    "a > 1 OVER (PARTITION BY b)": ("line 1, column 7", "OVER is not allowed"),
    "LENGTH(a) OVER () > 1": ("line 1, column 11", "OVER is not allowed"),
    "a IN (SELECT b FROM t)": ("line 1, column 7", "SELECT is not allowed"),
    "a = (SELECT 1)": ("line 1, column 6", "SELECT is not allowed"),
    "EXISTS (SELECT 1)": ("line 1, column 1", "EXISTS is not allowed"),
    "SELECT a FROM t": ("line 1, column 1", "SELECT is not allowed"),
    "a < NOW()": ("line 1, column 5", "NOW is not allowed"),
    "a <\n  current_timestamp": ("line 2, column 3", "CURRENT_TIMESTAMP is not allowed"),
    "a = 1;": ("line 1, column 6", "without a semicolon"),
    "a = 1 -- all": ("line 1, column 7", "comments are not allowed"),
    "a = /* x */ 1": ("line 1, column 5", "comments are not allowed"),
    # Operators and functions of other dialects.
    "a % 2 = 0": ("line 1, column 3", "% is not an operator"),
    "a || b = 'x'": ("line 1, column 3", "|| is not allowed"),
    "a == 1": ("line 1, column 3", "equality is written ="),
    "a::int = 1": ("line 1, column 2", "CAST"),
    "a ILIKE 'x'": ("line 1, column 3", "ILIKE is not allowed"),
    "a LIKE b": ("line 1, column 8", "expected a pattern"),
    "SUBSTR(a, 1) = 'x'": ("line 1, column 1", "no function 'SUBSTR'"),
    '"abs"(a) = 1': ("line 1, column 1", "no function 'abs'"),
    "a IS TRUE": ("line 1, column 6", "expected NULL"),
    "a = +1": ("line 1, column 5", "expected a column"),
    "a ^ 2 = 4": ("line 1, column 3", "unexpected character ^"),
    "t.a = 1": ("line 1, column 2", "a name has no dots"),
    "`a` = 1": ("line 1, column 1", "double quotes"),
    "[a] = 1": ("line 1, column 1", "double quotes"),
    "a = ?": ("line 1, column 5", "unexpected character"),
    "a\u00a0= 1": ("line 1, column 2", "U+00A0"),
    # Malformed.
    "": ("line 1, column 1", "found the end"),
    "a = ": ("line 1, column 5", "found the end"),
    "a = 'x": ("line 1, column 5", "no closing quote"),
    '"a = 1': ("line 1, column 1", "no closing quote"),
    '"" = 1': ("line 1, column 1", "empty"),
    "a = 'x' 'y'": ("line 1, column 9", "expected an operator"),
    "a b": ("line 1, column 3", "expected an operator"),
    "(a = 1": ("line 1, column 7", "expected )"),
    "a = 1)": ("line 1, column 6", "expected an operator"),
    "a IN ()": ("line 1, column 7", "expected a column"),
    "a IN 1": ("line 1, column 6", "expected ("),
    "a BETWEEN 1": ("line 1, column 12", "expected AND"),
    "a NOT = 1": ("line 1, column 7", "expected IN, BETWEEN or LIKE"),
    "a < b < c": ("line 1, column 7", "do not chain"),
    "a IS NULL IS NULL": ("line 1, column 11", "do not chain"),
    "a = NOT b": ("line 1, column 5", "parentheses"),
    "CASE a END": ("line 1, column 8", "expected WHEN"),
    "CASE WHEN a THEN 1": ("line 1, column 19", "expected END"),
    "CAST(a AS CHAR)": ("line 1, column 11", "expected a type"),
    "CAST(a)": ("line 1, column 7", "expected AS"),
    "ABS(a, b)": ("line 1, column 1", "takes one argument"),
    "ABS()": ("line 1, column 5", "expected a column"),
    "end > start": ("line 1, column 1", "double quotes"),
    "a = 1x": ("line 1, column 5", "run together"),
    "a = 1.2.3": ("line 1, column 5", "run together"),
    "a = 1e999": ("line 1, column 5", "beyond what a double can hold"),
    "a = 1e-999": ("line 1, column 5", "beyond what a double can hold"),
    f"a = {'9' * 39}": ("line 1, column 5", "38 digits"),
    f"a = 0.{'0' * 38}1": ("line 1, column 5", "38 digits"),
    "a LIKE 'x' ESCAPE 'xy'": ("line 1, column 19", "one character"),
    "a = '\ud800'": ("line 1, column 5", "surrogate"),
}


@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_not_in_the_grammar_is_refused_at_its_place(sql):
    place, problem = REFUSED[sql]
    with pytest.raises(dq.RuleError) as refused:
        columns_in(sql, "rule 'r': where")
    assert str(refused.value).startswith(f"rule 'r': where: at {place}: ")
    assert problem in str(refused.value)


def test_what_is_refused_says_what_is_allowed():
    for sql in ("SUM(a) > 1", "a IN (SELECT 1)", "a = 1 b"):
        with pytest.raises(dq.RuleError, match="COALESCE, CAST, ABS, LENGTH, LOWER, UPPER"):
            columns_in(sql)


@pytest.mark.parametrize("sql", [None, 3, True, ["a = 1"]])
def test_sql_is_a_text(sql):
    with pytest.raises(dq.RuleError, match="give a text"):
        columns_in(sql)


def test_columns_in_order_of_first_appearance():
    assert columns_in("b > 1 AND a = b OR \"Ward No\" IN (a, c) AND CASE d WHEN 1 THEN e END = \"a\"\"b\"") == (
        "b", "a", "Ward No", "c", "d", "e", 'a"b',
    )  # fmt: skip


def test_keywords_in_any_case_and_columns_as_they_are_written():
    assert columns_in("Not A In (1) aNd a IS nUll oR coalesce(B, b) liKe 'x'") == ("A", "a", "B", "b")


def test_names_of_functions_and_types_are_columns_unless_called():
    assert columns_in("date = length AND timestamp > abs AND \"select\" = größe") == (
        "date", "length", "timestamp", "abs", "select", "größe",
    )  # fmt: skip


def test_letters_beyond_ascii_make_no_keyword():
    # The capital of a dotless i is I.
    assert columns_in("\u0131n = 1") == ("\u0131n",)


def shape(node):
    """A tree as nested lists, without places."""
    match node:
        case Literal():
            return node.value if isinstance(node.value, str | bool | None) else float(node.value)
        case Chain():
            return [shape(node.first), *(part for step in node.steps for part in (step.operator, shape(step.operand)))]
        case Compare():
            return [shape(node.left), node.operator, shape(node.right)]
        case Logic():
            return [node.operator, *map(shape, node.terms)]
        case Not():
            return ["NOT", shape(node.operand)]
        case Negate():
            return ["-", shape(node.operand)]
        case Case():
            return ["CASE", *(shape(when.result) for when in node.whens)]
    return getattr(node, "name", None) or [type(node).__name__, *map(shape, (node.operand,))]


@pytest.mark.parametrize(
    ("sql", "tree"),
    [
        ("a OR b AND c OR d", ["OR", "a", ["AND", "b", "c"], "d"]),
        ("NOT a = b AND c", ["AND", ["NOT", ["a", "=", "b"]], "c"]),
        ("NOT NOT a", ["NOT", ["NOT", "a"]]),
        ("a + b * c - d / e = f", [["a", "+", ["b", "*", "c"], "-", ["d", "/", "e"]], "=", "f"]),
        ("a - b - c < -d * -2", [["a", "-", "b", "-", "c"], "<", [["-", "d"], "*", -2.0]]),
        ("(a OR b) AND c", ["AND", ["OR", "a", "b"], "c"]),
        ("a != b", ["a", "<>", "b"]),
        ("a BETWEEN b AND c AND d", ["AND", ["Between", "a"], "d"]),
        ("a NOT IN (b) OR c IS NOT NULL", ["OR", ["NOT", ["In", "a"]], ["NOT", ["IsNull", "c"]]]),
        ("a + 1 IS NULL", ["IsNull", ["a", "+", 1.0]]),
        ("- - 1 = 1", [["-", -1.0], "=", 1.0]),
    ],
)
def test_precedence(sql, tree):
    assert shape(parse(sql, "sql")) == tree


def read_or_refused(sql):
    try:
        columns_in(sql)
    except dq.RuleError as refused:
        if "at line " not in str(refused):
            raise AssertionError("a refusal without its place") from refused


@given(st.text(max_size=60))
@example("'")
@example("a = '\x00'")
def test_no_text_raises_anything_but_a_rule_error(sql):
    read_or_refused(sql)


WORDS = [
    "a", '"b"', "'x'", "1", ".5", "1e3", "AND", "OR", "NOT", "IN", "(", ")", ",", "BETWEEN", "LIKE", "ESCAPE", "IS", "NULL",
    "CASE", "WHEN", "THEN", "ELSE", "END", "CAST", "AS", "DATE", "INTEGER", "COALESCE", "ABS", "=", "<", "+", "-", "*",
    "/", "SELECT", ";", "--", "'", '"', "TRUE",
]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=30))
def test_no_words_raise_anything_but_a_rule_error(words):
    read_or_refused(" ".join(words))


def test_long_chains_are_read():
    for joined in (" AND ", " OR ", " + ", " * "):
        assert columns_in(joined.join(f"c{i}" for i in range(10_000)))[-1] == "c9999"
    assert columns_in(f"a IN ({', '.join(map(str, range(10_000)))})") == ("a",)


NESTS = {
    "parentheses": lambda n: "(" * n + "a" + ")" * n,
    "NOT": lambda n: "NOT " * n + "a",
    "minus": lambda n: "- " * n + "a = 1",
    "ABS": lambda n: "ABS(" * n + "a" + ")" * n,
    "CASE": lambda n: "CASE WHEN a THEN " * n + "a" + " END" * n,
    "IN": lambda n: "a IN (" * n + "a" + ")" * n,
    "mixed": lambda n: "a OR b AND c = d + e * (" * n + "a" + ")" * n,
}


@pytest.mark.parametrize("nest", NESTS)
def test_deep_nests_are_refused_before_the_stack_is_full(nest):
    make = NESTS[nest]
    columns_in(make(10))
    for depth in (70, 1000, 20_000):
        with pytest.raises(dq.RuleError, match="nested"):
            columns_in(make(depth))


def test_sixty_four_parentheses_are_read():
    assert columns_in("(" * 64 + "a" + ")" * 64) == ("a",)
    with pytest.raises(dq.RuleError, match=r"at line 1, column 66: .*deeper than 64"):
        columns_in("(" * 65 + "a" + ")" * 65)


@pytest.mark.parametrize("room", [30, 60, 120])
def test_a_stack_that_is_nearly_full_is_a_rule_error(room):
    def at_depth(depth):
        return at_depth(depth - 1) if depth else columns_in(NESTS["mixed"](15))

    with pytest.raises(dq.RuleError, match="too deeply for the stack"):
        at_depth(sys.getrecursionlimit() - len(inspect.stack(0)) - room)


def test_sql_of_unreasonable_size_is_refused():
    with pytest.raises(dq.RuleError, match="longer than 1,000,000"):
        columns_in("a = '" + "x" * 1_000_000 + "'")
