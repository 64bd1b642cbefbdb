"""Numeric against an oracle that was written apart from the kernel: an expression and exact fractions."""

from __future__ import annotations

import gzip
import math
import pickle
import re
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import Laws, Subject
from realdata import data_folder

import dqcore as dq
from dqcore.binding import Binding
from dqcore.morsel import Cells
from dqcore.rules.numeric import Numeric

BLANK = "[\\s\u0085\u200b\u2060\ufeff]*"
"""What NotNull calls blank."""
COMPARATORS = {
    "": "", "=": "", "<": "<", ">": ">", "<=": "<=", "=<": "<=", "\u2264": "<=", ">=": ">=", "=>": ">=", "\u2265": ">=",
}  # fmt: skip
SIGN = "[-+\u2212]?"
GROUP_MARKS = " \u00a0\u2009\u202f'\u2019"


def grammar(decimal: str) -> re.Pattern[str]:
    other = "," if decimal == "." else "."
    dot = re.escape(decimal)
    groups = "|".join(
        f"[1-9][0-9]{{0,2}}(?:{re.escape(mark)}[0-9]{{3}})+(?:{dot}[0-9]*)?" for mark in other + GROUP_MARKS
    )
    plain = f"(?:[0-9]+(?:{dot}[0-9]*)?|{dot}[0-9]+)(?:[eE]{SIGN}[0-9]+)?"
    sign, number = f"(?P<sign>{SIGN})", f"(?P<number>{groups}|{plain})"
    comparator = "|".join(sorted(map(re.escape, COMPARATORS), key=len, reverse=True))
    start = f"{BLANK}(?P<comparator>{comparator}){BLANK}"
    return re.compile(rf"{start}(?P<hl7>\^{BLANK})?{sign}{number}{BLANK}(?P<empty>(?:\^{BLANK}){{0,2}})")


GRAMMARS = {decimal: grammar(decimal) for decimal in ".,"}
LEAST, BEYOND = Fraction(2) ** -1075, Fraction(2) ** 1024 - Fraction(2) ** 970


def judge(text: str | None, decimal: str = ".") -> tuple[str, float | None, str | None]:
    """What the rule says of a text, its value and its comparator."""
    if text is None:
        return "skipped", None, None
    nothing = "not_numeric", None, None
    found = GRAMMARS[decimal].fullmatch(text)
    if found is None or (found["empty"] and not found["hl7"]) or len(text.encode()) > 1024:
        return nothing
    sign, number = found["sign"], found["number"]
    other = "," if decimal == "." else "."
    digits = re.sub(f"[{GROUP_MARKS}{re.escape(other)}]", "", number).replace(decimal, ".").replace("\u2212", "-")
    mantissa, _, exponent = digits.lower().partition("e")
    if len(exponent.lstrip("+-0")) > 6 and Decimal(mantissa):
        return nothing
    value = Fraction(mantissa.rstrip(".") if mantissa[0] != "." else "0" + mantissa)
    if value:
        value *= Fraction(10) ** int(exponent or 0)
        if value <= LEAST or value >= BEYOND:
            return nothing
    near = value.numerator / value.denominator
    return "passed", -near if sign in ("-", "\u2212") else near, COMPARATORS[found["comparator"]]


def judged(texts, decimal=".", type_=None, into=("value", "comparator")):
    table = pa.table({"x": pa.array(texts, type_ or pa.string())})
    report = dq.RuleSet([Numeric("x", decimal=decimal, into=into)]).validate(table)
    words = [
        "skipped" if mask is None else "not_numeric" if mask else "passed"
        for mask in report.mask("numeric:x").to_pylist()
    ]
    made = report.table()
    return list(zip(words, made["value"].to_pylist(), made["comparator"].to_pylist(), strict=True))


def outcomes(texts, decimal="."):
    return [word for word, _, _ in judged(texts, decimal)]


def values(texts, decimal="."):
    return [value for _, value, _ in judged(texts, decimal)]


def agrees(texts, decimal):
    ours = judged(texts, decimal)
    for text, one in zip(texts, ours, strict=True):
        other = judge(text, decimal)
        assert one == other, text
        assert one[1] is None or math.copysign(1, one[1]) == math.copysign(1, other[1]), text


READ = {
    "7.4": 7.4, "0": 0, "007": 7, "+5": 5, "-0.5": -0.5, "\u22125": -5, ".5": 0.5, "5.": 5, "-.5": -0.5, " 5 ": 5,
    "\t5\r\n": 5, "\u00a05\u202f": 5, "1.2E-3": 0.0012, "1e3": 1000, "1E+03": 1000, "1e\u22123": 0.001, "5.e1": 50, "0e999": 0,
    "1,200": 1200, "12,345,678.5": 12345678.5, "-1,200": -1200, "1 200": 1200, "1\u00a0200": 1200, "1\u202f200.25": 1200.25,
    "1\u2009200\u2009300": 1200300, "1'200'300.5": 1200300.5, "1\u2019200": 1200, "999,999": 999999, "1,000.": 1000,
    "=5": 5, "= 5": 5, "0.30000000000000004": 0.30000000000000004, "9007199254740993": 9007199254740992,
}  # fmt: skip


def test_what_is_one_number():
    assert dict(zip(READ, values(READ), strict=True)) == READ
    assert {comparator for _, _, comparator in judged(READ)} == {""}
    agrees([*READ], ".")


NOT_ONE = [
    "", " ", "\u00a0", "\ufeff", ".", "-", "+", "++", "1+", "2+", "--5", "- 5", "5-", "+-5", "(5)", "1/2", "0-2", "100-200", "1:80", "2-",
    "NEG", "POS", "TR", "trace", "HOLD", "See Comments", "NotDone", "N/A", "ERR", "null", "None", "true", "#NUM!",
    "5 mg/dL", "5 H", "5H", "5*", "*5", "5%", "5 %", "$5", "5;", "5,", "5!", "~5", "\u22485", "ca. 5", "\u00b15", "5 \u00b1 1",
    "NaN", "nan", "inf", "-inf", "Infinity", "0x10", "1_000", "1e", "e5", "1e+", "1e5.0", "1.2.3", "1..2", ".", ".e5", "1 e5", "1e 5",
    "5 6", "5\n6", "1,20", "1,2000", "12,00", "1234,567", ",200", "1,,200", "1,200,", "1,200,30", "1,00,000", "1,200 300",
    "1 200,300", "1'200,300", "1  200", "1\t200", "1200 300", "0,123", "00,123", "012,345", "0 123", ".5,000", "1.200,5", "1,200e3",
    "0.123 456", "1,200.300,400", "'5", "1'2", "1\u200b200", "1\u00b7200", "1\u066c200", "1e400", "-1e400", "1e-400", "2e-324", "9" * 400,
    "\uff15", "\u0665", "\u00b2", "\u00bd", "\u2155", "5\u00b2", "\u2175", "\u4e94", "5\x00", "\x005", "5\u0301", "\u20135", "\u20105", "\ufe635", "\uff0b5",
    "<", "<=", ">=", "> ", "<>5", "<<5", ">>5", "< =5", "<-", "==5", "<=>5", "=<=5", "5<", "5 <", "<5 mg", "<NEG", "< 5 H", "&lt;5",
    "LT 5", "less than 5", "<5-10", ">1:80", "\u2a7d5", "\uff1c5", "\u22725", "<5>", "<0x5", "<inf", "<1e400", "!=5",
    "1.5 x 10^3", "10^3", "10^3/uL", "5^", "^", "^^", "^^^", "<^", "<^^5",
]  # fmt: skip


def test_what_is_not_one_number():
    assert {text for text, word in zip(NOT_ONE, outcomes(NOT_ONE), strict=True) if word == "passed"} == set()
    agrees(NOT_ONE, ".")
    agrees(NOT_ONE, ",")


def test_comparators():
    written = {
        "<5": "<", "< 5": "<", " <5 ": "<", "<0.5": "<", "<-5": "<", "<\u22125": "<", ">1000": ">", "> 1,000": ">", "<\u00a05": "<",
        "<=5": "<=", "<= 5": "<=", "=<5": "<=", "\u22645": "<=", "\u2264 5": "<=", ">=5": ">=", "=>5": ">=", "\u22655": ">=", "=5": "", "5": "",
    }  # fmt: skip
    assert {text: comparator for text, (_, _, comparator) in zip(written, judged(written), strict=True)} == written
    assert {abs(value) for value in values(written)} == {5, 0.5, 1000}
    agrees([*written], ".")
    agrees([*written], ",")


def test_structured_numerics_of_hl7():
    # HL7 v2.5.1 chapter 2A, SN: <comparator>^<num1>^<separator>^<num2>, with the examples that stand there.
    one = {
        "<^10": ("<", 10), ">^10": (">", 10), "^7.4": ("", 7.4), "=^5": ("", 5), "<^10^^": ("<", 10), ">=^10^": (">=", 10),
        "<=^10": ("<=", 10), ">^100": (">", 100), "< ^ 10 ^ ^ ": ("<", 10), "^-5": ("", -5), "^1,200": ("", 1200),
    }  # fmt: skip
    assert judged(one) == [("passed", value, comparator) for comparator, value in one.values()]
    others = [
        "<>^5", "^1^:^80", "^1^:^128", "^100^-^200", "^2^+", "^100^-", "<^10^^^", "^10^^3", "^<5", "<^<5", "5^^", "<5^10", "<^10^3",
        "^", "<^", "^^5", "^NEG", "^1^/^2", "<10^3", "^ ^5",
    ]  # fmt: skip
    assert outcomes(others) == ["not_numeric"] * len(others)
    agrees([*one, *others], ".")
    agrees([*one, *others], ",")


def test_a_decimal_comma():
    read = {
        "1,20": 1.2, "1,200": 1.2, "1.200": 1200, "1.200,5": 1200.5, "12.345.678,25": 12345678.25, ",5": 0.5, "5,": 5, "1 200,5": 1200.5,
        "1'200": 1200, "0,123": 0.123, "1,5e3": 1500, "<0,5": 0.5, "7": 7,
    }  # fmt: skip
    assert dict(zip(read, values(read, ","), strict=True)) == read
    others = ["1.20", "7.4", "1.2000", "0.123", "1,200,300", "1,200.300", ".5", "5.", "1.2E3", "0.5", "1.200.30"]
    assert outcomes(others, ",") == ["not_numeric"] * len(others)
    agrees([*read, *others], ",")
    agrees([*read, *others], ".")


def test_long_texts_end():
    texts = [
        "1" * 1_000_000,
        " " * 1_000_000,
        "1,000" * 200_000,
        "<" * 1_000_000,
        "0" * 1023 + "7",
        "0" * 1024 + "7",
        "^" * 100_000,
    ]
    assert values(texts) == [None, None, None, None, 7, None, None]


def test_nulls_are_skipped_and_empty_text_is_not():
    for type_ in (pa.string(), pa.large_string(), pa.string_view()):
        assert judged([None, "", "<5"], type_=type_) == [
            ("skipped", None, None), ("not_numeric", None, None), ("passed", 5, "<"),
        ]  # fmt: skip
    assert judged([None, None], type_=pa.null()) == [("skipped", None, None)] * 2
    assert judged([]) == []


near = st.text("0123456789.,'<>=^+-eE \u00a0\u2212\u2264", max_size=9)
numbers = st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.decimals(
    -9999, 9999, allow_nan=False, places=2
).map(str)
grouped = st.integers(0, 10**13).flatmap(
    lambda number: st.sampled_from([",", ".", " ", "'", "\u202f"]).map(lambda mark: f"{number:,}".replace(",", mark))
)
marked = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "<", "> ", "<=", "=<", "\u2265", "^", ">^", " ", "<>", "=>", "=^"]),
    st.one_of(numbers, grouped, st.integers(0, 300).map(str)),
    st.sampled_from(["", "", "", " ", "^^", " H", "+", ",5", ".5", "e5", "%", "-9", "\u202f000", ",000", "^:^8"]),
)
slipped = st.builds(
    lambda text, at, put, cut: text[: at % (len(text) + 1)] + put + text[at % (len(text) + 1) + cut :],
    marked, st.integers(0, 99), st.sampled_from([*"0159.,'<>=^+-eE ", ""]), st.integers(0, 2),
)  # fmt: skip
texts = st.one_of(near, numbers, grouped, marked, slipped, st.sampled_from([*READ, *NOT_ONE]))


@given(st.lists(texts, max_size=60), st.sampled_from(".,"))
def test_any_text_means_what_the_oracle_says(some, decimal):
    agrees(some, decimal)


@given(st.lists(st.text(max_size=6), max_size=30))
def test_any_characters(some):
    agrees(some, ".")


def test_the_value_and_the_comparator_can_be_read_by_rules_after_it():
    table = pa.table({"x": ["<5", "7", "NEG", None]})
    rules = dq.RuleSet(
        [
            Numeric("x", into=["value", "comparator"]),
            dq.Range("value", max=6),
            dq.OneOf("comparator", ["", "<", "<=", ">", ">="]),
        ]
    )
    report = rules.validate(table)
    assert report.mask("range:value").to_pylist() == [False, True, None, None]
    assert report["one_of:comparator"].counts.failed == 0
    assert report.table().schema.field("value").type == pa.float64()
    assert report.table().schema.field("comparator").type == pa.string()
    assert report.table().column_names == ["x", "value", "comparator"]
    one = dq.RuleSet([Numeric("x", into="value")]).validate(table)
    assert one.table()["value"].to_pylist() == [5, 7, None, None]


def test_a_plain_number_is_plausible_or_not_by_its_comparator():
    table = pa.table({"x": ["140", "<5", "99999", ">99999", "NEG"]})
    plausible = dq.Plausible("value", unit=dq.lit("mmol/L"), analyte=dq.lit("2951-2"), comparator="comparator")
    report = dq.RuleSet([Numeric("x", into=("value", "comparator")), plausible]).validate(table)
    mask = report.mask(plausible.id).to_pylist()
    assert mask[0] is False
    assert mask[2:] == [True, True, None]


def test_a_dictionary_is_read_once_and_a_csv_stays_text(tmp_path):
    table = pa.table({"x": pa.array(["<5", None, "x", "<5"] * 50_000).dictionary_encode()})
    report = dq.RuleSet([Numeric("x", into=("v", "c"))]).validate(table)
    assert report.table()["v"].to_pylist() == [5, None, None, 5] * 50_000
    assert report.table()["c"].to_pylist() == ["<", None, None, "<"] * 50_000
    (tmp_path / "x.csv").write_text('x,y\n1,a\n"1,200",b\n,c\n"",d\n')
    report = dq.RuleSet([Numeric("x", into="v")]).validate(tmp_path / "x.csv")
    assert report.table()["v"].to_pylist() == [1, 1200, None, None]
    assert report.failures()["row"].to_pylist() == [3]


@pytest.mark.parametrize(
    ("given_", "named"),
    [
        ({"column": ""}, "column"), ({"column": 3}, "column"), ({"decimal": ";"}, "'.' or ','"), ({"decimal": None}, "decimal"),
        ({"decimal": ".,"}, "decimal"), ({"decimal": ""}, "decimal"), ({"decimal": ["."]}, "decimal"), ({"into": ()}, "into"),
        ({"into": ("a", "a")}, "into"), ({"into": ("a", "b", "c")}, "into"), ({"into": 3}, "into"), ({"into": ""}, "into"),
        ({"group": ","}, "group"),
    ],
)  # fmt: skip
def test_wrong_parameters(given_, named):
    with pytest.raises(dq.RuleError, match=named):
        Numeric(**{"column": "x", **given_})


@pytest.mark.parametrize("type_", [pa.int8(), pa.float64(), pa.decimal128(9, 2), pa.dictionary(pa.int8(), pa.int64())])
def test_numbers_are_refused_with_what_to_do(type_):
    with pytest.raises(dq.DataError, match=r"column 'x' holds .* numbers already.*leave the rule out"):
        dq.RuleSet([Numeric("x")]).validate(pa.table({"x": pa.array([], type_)}))


def test_wrong_when_bound():
    with pytest.raises(dq.DataError, match="reads text"):
        Numeric("x").bind(Binding({"x": pa.bool_()}))
    with pytest.raises(dq.DataError, match="did you mean 'x'"):
        Numeric("X").bind(Binding({"x": pa.string()}))
    for into in ("x", ("v", "x")):
        with pytest.raises(dq.RuleError, match="column already"):
            Numeric("x", into=into).bind(Binding({"x": pa.string()}))


def test_a_check_is_pickled():
    check = pickle.loads(pickle.dumps(Numeric("x", decimal=",", into=["v", "c"]).bind(Binding({"x": pa.string()}))))
    codes = np.zeros(2, np.uint8)
    written = check.cells(Cells(pa.array(["<1,5", "1.5"])), codes)
    assert codes.tolist() == [0, 1]
    assert written["v"].to_pylist()[0] == 1.5
    assert written["c"].to_pylist()[0] == "<"


def test_no_value_in_a_message():
    secret = "19800229SECRET"
    rule = Numeric("x")
    report = dq.RuleSet([rule]).validate(pa.table({"x": [secret]}))
    assert not report.passed
    assert secret not in repr(rule) + repr(report) + str(report.to_dict())


def test_every_result_of_an_intensive_care_database():
    """eICU gives labresult, a number, beside labresulttext. There is none with a comparator; 32 stand in another unit than
    the text (calcium times 4, counts times 100 or 1,000), and 28 were left out although the text is a number."""
    path = data_folder("clinical", "eicudemo", "lab.csv.gz")
    types = {"labresult": pa.string(), "labresulttext": pa.string()}
    options = pyarrow.csv.ConvertOptions(
        column_types=types, include_columns=[*types], strings_can_be_null=True, null_values=[""]
    )
    with gzip.open(path) as file:
        table = pyarrow.csv.read_csv(file, convert_options=options)
    told = judged(table["labresulttext"].to_pylist())
    kinds = Counter()
    for text, given_, (word, value, comparator) in zip(
        table["labresulttext"].to_pylist(), table["labresult"].to_pylist(), told, strict=True
    ):
        assert (word, value, comparator) == judge(text)
        same = given_ is not None and value == float(given_)
        kinds[word, comparator, "none" if given_ is None else "same" if same else "another"] += 1
    assert kinds == {
        ("passed", "", "same"): 16_001,
        ("passed", "", "another"): 32,
        ("passed", "", "none"): 28,
        ("passed", "<", "none"): 47,
        ("passed", ">", "none"): 19,
    }


def test_every_result_of_a_hospital():
    """MIMIC-III: words, grades, ranges and ratios are not one number, nor is a comparator in words."""
    path = data_folder("clinical", "mimic3demo", "LABEVENTS.csv.gz")
    options = pyarrow.csv.ConvertOptions(column_types={"VALUE": pa.string()}, include_columns=["VALUE"])
    with gzip.open(path) as file:
        column = pyarrow.csv.read_csv(file, convert_options=options)["VALUE"]
    told = Counter((word, comparator) for word, _, comparator in judged(column.to_pylist()))
    assert told == {("passed", ""): 29_516, ("passed", "<"): 70, ("passed", ">"): 21, ("not_numeric", None): 3_540}
    distinct = column.unique().to_pylist()
    for decimal in ".,":
        agrees(distinct, decimal)


def test_every_number_of_hl7_messages():
    """OBX-5 of type NM and SN; what is not one number is a titre or a ratio."""
    told = []
    for path in sorted(data_folder("clinical", "hl7v2").rglob("*")):
        for line in re.split(r"[\r\n]+", path.read_text(errors="replace") if path.is_file() else ""):
            fields = line.strip().split("|")
            if fields[0] == "OBX" and len(fields) > 5 and fields[2] in ("NM", "SN"):
                assert judged([fields[5]]) == [judge(fields[5])]
                told.append((fields[2], *judge(fields[5])[::2], fields[5]))
    assert Counter(one[:3] for one in told) == {
        ("NM", "passed", ""): 89,
        ("SN", "passed", ""): 27,
        ("SN", "passed", ">="): 4,
        ("SN", "not_numeric", None): 6,
    }
    assert {text for _, word, _, text in told if word != "passed"} == {
        "=^1^:^640", "=^1^:^320", "=^1^:^160", "-^1^+^3", '"^1^/^3', '"^1^:^3',
    }  # fmt: skip


def subject(decimal, **parameters):
    return Subject(
        Numeric("x", decimal=decimal, **parameters),
        columns={"x": (pa.string(), texts)},
        meaning=lambda rows: [judge(row["x"], decimal)[0] for row in rows],
        name=f"{decimal} {parameters}",
    )


class TestLaws(Laws):
    subjects: ClassVar = [subject("."), subject(",", into="value"), subject(".", into=("value", "comparator"))]
