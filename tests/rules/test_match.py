"""Match. An MRN is unique only with its assigning authority, and its leading zeros matter (HL7 CX: id, authority,
type); one accession number belongs to one patient (DICOM PS3.3, Accession Number with its Issuer)."""

import contextlib
import decimal
import pickle
import random
import unicodedata
from datetime import UTC, date, datetime, timedelta
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import Laws, Subject, check, encodings, told
from rapidfuzz.distance import OSA

import dqcore as dq
from dqcore import Match


def digits_of(day):
    """A date, or a text that is one, as its eight digits; None where it is none."""
    if isinstance(day, date):
        return day.strftime("%Y%m%d")
    digits = day[:4] + day[5:7] + day[8:] if day[4:5] == "-" and day[7:8] == "-" and len(day) == 10 else day
    return digits if len(digits) == 8 and all(digit in "0123456789" for digit in digits) else None


def dates_agree(a, b):
    a, b = digits_of(a), digits_of(b)
    if a is None or b is None:
        return False
    if a == b or (a[:4] == b[:4] and a[4:6] == b[6:] and a[6:] == b[4:6]):
        return True
    if sum(x != y for x, y in zip(a, b, strict=True)) == 1:
        return True
    return any(a[:at] + a[at + 1] + a[at] + a[at + 2 :] == b for at in range(7))


def letters_of(name):
    plain = unicodedata.normalize("NFKD", name).lower()
    return "".join(sign for sign in plain if unicodedata.category(sign)[0] in "LN")


def names_agree(a, b):
    a, b = letters_of(a), letters_of(b)
    return a == b or (min(len(a), len(b)) >= 4 and OSA.distance(a, b) <= 1)


def agreeing_in(cells, slips):
    """For each (column, the row's value, the entry's): True, False, or None where one is not known."""
    told = []
    for column, a, b in cells:
        slip = slips.get(column)
        if a is None or b is None or (slip == "name" and not (letters_of(a) and letters_of(b))):
            told.append(None)
        else:
            told.append(dates_agree(a, b) if slip == "date" else names_agree(a, b) if slip == "name" else a == b)
    names = [place for place, (column, _, _) in enumerate(cells) if slips.get(column) == "name"]
    for one, two in combinations(names, 2):
        if told[one] is not None and told[two] is not None:
            (_, first, held_first), (_, second, held_second) = cells[one], cells[two]
            if names_agree(first, held_second) and names_agree(second, held_first):
                told[one] = told[two] = True
    return told


def meaning(entries, columns, key, max_edits=0, agree=None, text=None, slips=None):
    """The rule as one would apply it with the registry on paper, entry by entry."""
    agree = agree or {}
    slips = slips or {}
    text = [True] * len(key) if text is None else text
    listed = [entry for entry in entries if all(entry[name] is not None for name in key)]

    def distance(asked, held):
        total = 0
        for a, b, is_text in zip(asked, held, text, strict=True):
            total += OSA.distance(a, b) if is_text else (0 if a == b else 1_000)
        return total

    def word(row):
        asked = tuple(row[name] for name in columns)
        if None in asked:
            return "skipped"
        own = [entry for entry in listed if tuple(entry[name] for name in key) == asked]
        if not own:
            held = {tuple(entry[name] for name in key) for entry in listed}
            distances = [distance(asked, one) for one in held] if max_edits else [1]
            if min(distances) > max_edits:
                return "not_found"
            return "near_match" if distances.count(min(distances)) == 1 else "ambiguous"
        best = None
        unknown = False
        for entry in own:
            cells = [(ours, row[ours], entry[theirs]) for ours, theirs in agree.items()]
            agreement = agreeing_in(cells, slips)
            differing = [ours for (ours, _, _), agrees in zip(cells, agreement, strict=True) if agrees is False]
            nulls = [ours for (ours, _, _), agrees in zip(cells, agreement, strict=True) if agrees is None]
            if not differing and not nulls:
                return "passed"
            if not differing:
                unknown = True
                continue
            agreeing = len(cells) - len(differing) - len(nulls)
            if best is None or agreeing > best[0]:
                best = (agreeing, differing[0])
        return "skipped" if unknown else f"disagrees:{best[1]}"

    return lambda rows: [word(row) for row in rows]


few = st.text("ab0", max_size=4)
patients = [
    {"mrn": mrn, "born": born, "sex": sex}
    for mrn, born, sex in [
        ("ab0", date(2000, 1, 1), "F"),
        ("ab0", date(2000, 1, 2), "M"),
        ("ab0", None, "F"),
        ("b0", date(2000, 1, 1), None),
        ("", date(2000, 1, 3), "F"),
        ("aaaa", date(2000, 1, 3), "M"),
        ("baba", None, None),
        (None, date(2000, 1, 1), "F"),
        ("00", date(2000, 1, 2), "F"),
        ("00", date(2000, 1, 3), "M"),
        ("00", date(2000, 1, 3), "M"),
    ]
]
registry = pa.Table.from_pylist(patients)
born = st.sampled_from([date(2000, 1, 1), date(2000, 1, 2), date(2000, 1, 3)])
person = {"mrn": (pa.string(), few), "dob": (pa.date32(), born), "sex": (pa.string(), st.sampled_from(["F", "M"]))}
agreeing = {"dob": "born", "sex": "sex"}

assigned = [
    {"authority": authority, "id": number, "type": type_}
    for authority, number, type_ in [
        ("a", 1, "ab"),
        ("a", 2, "ab"),
        ("b", 1, "ab"),
        ("b", 1, "b"),
        ("", 1, ""),
        ("a", None, "b"),
    ]
]


DAYS = [date(1980, 1, 2), date(1980, 2, 1), date(1980, 1, 3), date(1981, 2, 1), date(1980, 10, 2), date(1908, 1, 2)]
NAMED = {"born": "birth_date", "given": "given_name", "family": "family_name"}
SLIPS = {"born": "date", "given": "name", "family": "name"}
names = st.sampled_from(
    ["Anna", "ANNA", "Ana", "Annna", "Møller", "Moller", "Müller", "Mueller", "MULLER ", "Li", "Lu", "-", ""]
)
PEOPLE = pa.schema(
    {"mrn": pa.string(), "birth_date": pa.string(), "given_name": pa.string(), "family_name": pa.large_string()}
)
people = [
    {"mrn": mrn, "birth_date": day, "given_name": given_name, "family_name": family}
    for mrn, day, given_name, family in [
        ("1", "1980-01-02", "Anna", "Müller"),
        ("1", "19800103", "Anna", "Li"),
        ("2", "1980-02-01", "Lu", "Li"),
        ("3", "unknown", "Anna", "Anna"),
        ("3", None, "Møller", ""),
        ("4", "1980-1-2", None, "Moller"),
    ]
]

HOUSE = dq.Scheme("[A-Z]{2}[0-9]{1,2}", separators="-", case="upper", pad=4)
housed = [{"mrn": mrn} for mrn in ["AB1", "0ab1", "ba-11", "BA11", "B", None]]


def by_house(text):
    """The scheme's way of writing: no hyphens, capitals, four characters where there are three or four."""
    if text is None:
        return None
    text = text.replace("-", "").upper()
    return "0" * (4 - len(text)) + text if len(text) in (3, 4) else text


class TestLaws(Laws):
    subjects = [
        *(
            Subject(
                Match("mrn", registry="patients", registry_key="mrn", max_edits=edits, agree=agree),
                columns=person,
                meaning=meaning(patients, ["mrn"], ["mrn"], edits, agree),
                registries={"patients": registry},
                name=f"{edits} edits{', agreeing' if agree else ''}",
            )
            for edits, agree in [(0, None), (0, agreeing), (1, None), (1, agreeing), (2, {"sex": "sex", "dob": "born"})]
        ),
        Subject(
            Match("site", "pid", "kind", registry="ids", registry_key=["authority", "id", "type"], max_edits=2),
            columns={
                "site": (pa.string(), st.sampled_from(["", "a", "b", "ab", "ba"])),
                "pid": (pa.int64(), st.integers(1, 3)),
                "kind": (pa.string(), few),
            },
            meaning=meaning(
                assigned, ["site", "pid", "kind"], ["authority", "id", "type"], 2, text=[True, False, True]
            ),
            registries={"ids": pa.Table.from_pylist(assigned)},
        ),
        Subject(
            Match("mrn", registry="people", registry_key="mrn", agree=NAMED, slips=SLIPS),
            columns={
                "mrn": (pa.string(), st.sampled_from(["1", "2", "3", "4"])),
                "born": (pa.date32(), st.sampled_from(DAYS)),
                "given": (pa.string(), names),
                "family": (pa.string(), names),
            },
            meaning=meaning(people, ["mrn"], ["mrn"], agree=NAMED, slips=SLIPS),
            registries={"people": pa.Table.from_pylist(people, PEOPLE)},
            name="slips",
        ),
        Subject(
            Match("mrn", registry="people", registry_key="mrn", max_edits=1, schemes={"mrn": HOUSE}),
            columns={"mrn": (pa.string(), st.text("ab1-", max_size=5))},
            meaning=lambda rows: meaning([{"mrn": by_house(entry["mrn"])} for entry in housed], ["mrn"], ["mrn"], 1)(
                [{"mrn": by_house(row["mrn"])} for row in rows]
            ),
            registries={"people": pa.Table.from_pylist(housed)},
            name="a scheme",
        ),
        Subject(
            Match("id", registry="ids", registry_key="id"),
            columns={"id": (pa.int32(), st.integers(-2, 5))},
            meaning=meaning([{"id": 1}, {"id": 4}, {"id": None}], ["id"], ["id"]),
            registries={"ids": pa.table({"id": pa.array([1, 4, None], pa.uint8())})},
        ),
    ]


def words(rule, data, **settings):
    registries = settings.pop("registries")
    return told(dq.RuleSet([rule], **settings).validate(data, registries=registries))


def test_leading_zeros_case_and_blanks_matter():
    rule = Match("mrn", registry="r", registry_key="mrn")
    data = pa.table({"mrn": ["0123", "123", "00123", "a1", "A1", "A1 "]})
    found = words(rule, data, registries={"r": pa.table({"mrn": ["0123", "A1"]})})
    assert found == ["passed", "not_found", "not_found", "not_found", "passed", "not_found"]


def test_an_mrn_is_one_only_with_its_authority():
    held = pa.table({"authority": ["RIH", "LGH"], "id": ["0042", "0043"], "type": ["MR", "MR"]})
    rule = Match("authority", "id", dq.lit("MR"), registry="r", registry_key=["authority", "id", "type"])
    data = pa.table({"authority": ["RIH", "LGH", "LGH", None], "id": ["0042", "0042", "0043", "0042"]})
    assert words(rule, data, registries={"r": held}) == ["passed", "not_found", "passed", "skipped"]
    assert rule.id == "match:authority,id,'MR'"
    # ('a', 'bc') is not ('ab', 'c').
    held = pa.table({"a": ["ab"], "b": ["c"]})
    rule = Match("x", "y", registry="r", registry_key=["a", "b"])
    assert words(rule, pa.table({"x": ["a"], "y": ["bc"]}), registries={"r": held}) == ["not_found"]


def test_one_accession_belongs_to_one_patient():
    orders = pa.table({"accession": ["A-1", "A-2", "A-2"], "mrn": ["0007", "0008", "0009"]})
    rule = Match("accession", registry="orders", registry_key="accession", agree={"patient_id": "mrn"})
    data = pa.table(
        {
            "accession": ["A-1", "A-1", "A-2", "A-2", "A-2", "A-3"],
            "patient_id": ["0007", "0008", "0009", "0008", "0007", "0007"],
        }
    )
    report = check(Subject(rule, {}, registries={"orders": orders}), data)
    assert told(report) == ["passed", "disagrees:patient_id", "passed", "passed", "disagrees:patient_id", "not_found"]
    assert report.failures()["column"].to_pylist() == ["patient_id", "patient_id", "accession"]


def test_findings_name_the_first_key_column():
    rule = Match("mrn", registry="r", registry_key="mrn", max_edits=1, agree={"sex": "sex"})
    held = pa.table({"mrn": ["100", "200", "211"], "sex": ["F", "M", "M"]})
    data = pa.table({"mrn": ["10", "201", "999", "100"], "sex": ["F", "F", "F", "M"]})
    report = check(Subject(rule, {}, registries={"r": held}), data)
    failures = report.failures(values=True)
    assert failures["reason"].to_pylist() == ["near_match", "ambiguous", "not_found", "disagrees:sex"]
    assert failures["column"].to_pylist() == ["mrn", "mrn", "mrn", "sex"]
    assert failures["suggestion"].to_pylist() == ["100", "200 | 211", None, None]


@pytest.mark.parametrize(
    ("typed", "edits"),
    [
        ("12345678", 0),
        ("1234567", 1),
        ("123456789", 1),
        ("12345679", 1),
        ("12345687", 1),
        ("21345687", 2),
        ("x2345678", 1),
    ],
)
def test_each_kind_of_slip_is_one_edit(typed, edits):
    held = {"r": pa.table({"mrn": ["12345678", "99999999"]})}
    for max_edits in (0, 1, 2):
        rule = Match("mrn", registry="r", registry_key="mrn", max_edits=max_edits)
        expected = "passed" if edits == 0 else "near_match" if edits <= max_edits else "not_found"
        assert words(rule, pa.table({"mrn": [typed]}), registries=held) == [expected]


def test_a_nearer_key_outweighs_several_farther_ones():
    held = {"r": pa.table({"mrn": ["abcd", "abxx", "xxcd", "abcdee"]})}
    rule = Match("mrn", registry="r", registry_key="mrn", max_edits=2)
    # abcde: abcd and abcdee are at 1. abc: abcd is at 1, abxx at 2.
    assert words(rule, pa.table({"mrn": ["abcde", "abc", "bxcd"]}), registries=held) == [
        "ambiguous",
        "near_match",
        "near_match",
    ]


def test_a_key_that_stands_twice_is_one_candidate():
    held = {"r": pa.table({"mrn": ["1000", "1000"], "sex": ["F", "M"]})}
    rule = Match("mrn", registry="r", registry_key="mrn", max_edits=1)
    assert words(rule, pa.table({"mrn": ["100", "1001"]}), registries=held) == ["near_match", "near_match"]


def test_edits_are_characters_not_bytes():
    held = {"r": pa.table({"name": ["josé", "李雷雷雷"]})}
    rule = Match("name", registry="r", registry_key="name", max_edits=1)
    assert words(rule, pa.table({"name": ["jose", "李雷雷", "jos"]}), registries=held) == ["near_match"] * 3


def test_empty_text_is_a_key_and_prefixes_are_near():
    held = {"r": pa.table({"k": ["", "abc", "abcdef"]})}
    rule = Match("k", registry="r", registry_key="k", max_edits=2)
    data = pa.table({"k": ["", "a", "ab", "abcd", "abcde", "xyz"]})
    assert words(rule, data, registries=held) == ["passed", *["near_match"] * 4, "not_found"]


def test_edits_of_a_composite_are_summed_and_other_parts_are_equal():
    held = {
        "r": pa.table({"site": ["RIH", "RIH"], "day": [date(2026, 1, 1), date(2026, 1, 2)], "id": ["1000", "2000"]})
    }
    rule = Match("site", "day", "id", registry="r", registry_key=["site", "day", "id"], max_edits=2)
    data = pa.table(
        {
            "site": ["RHI", "RHI", "RI", "RIH", "RIH"],
            "day": [date(2026, 1, day) for day in (1, 1, 1, 2, 3)],
            "id": ["100", "10", "1000", "1000", "1000"],
        }
    )
    report = check(Subject(rule, {}, registries=held), data)
    assert told(report) == ["near_match", "not_found", "near_match", "near_match", "not_found"]
    assert report.failures(values=True)["suggestion"].to_pylist() == [
        "RIH, 2026-01-01, 1000", None, "RIH, 2026-01-01, 1000", "RIH, 2026-01-02, 2000", None,
    ]  # fmt: skip


def test_a_null_in_agree_hides_nothing_else():
    held = pa.table(
        {"mrn": ["1", "2", "3"], "born": [date(2000, 1, 1), None, date(2000, 1, 1)], "sex": ["F", "F", "F"]}
    )
    rule = Match("mrn", registry="r", registry_key="mrn", agree={"born": "born", "sex": "sex"})
    rows = [("1", None, "F"), ("1", None, "M"), ("2", date(2000, 1, 1), "F"), ("2", date(2000, 1, 1), "M"), ("9", None, None),
            ("3", date(2000, 1, 1), None), ("3", date(2001, 1, 1), None), (None, None, None)]  # fmt: skip
    data = pa.table(dict(zip(("mrn", "born", "sex"), map(list, zip(*rows, strict=True)), strict=True)))
    expected = [
        "skipped",
        "disagrees:sex",
        "skipped",
        "disagrees:sex",
        "not_found",
        "skipped",
        "disagrees:born",
        "skipped",
    ]
    assert words(rule, data, registries={"r": held}) == expected
    failing = words(rule.replace(nulls="fail"), data, registries={"r": held})
    assert failing == [word if word != "skipped" else "null" for word in expected]


def test_of_several_entries_the_closest_tells_what_disagrees():
    held = pa.table({"k": ["1"] * 4, "a": [1, 2, 1, 1], "b": [1, 2, 2, 3], "c": [1, 3, 2, 2]})
    rule = Match("k", registry="r", registry_key="k", agree={"a": "a", "b": "b", "c": "c"})
    data = pa.table({"k": ["1"] * 4, "a": [1, 2, 9, 1], "b": [2, 2, 9, 4], "c": [2, 2, 9, 2]})
    # The third row agrees with none in anything: the first entry. The fourth agrees in a and c with the last two.
    assert words(rule, data, registries={"r": held}) == ["passed", "disagrees:c", "disagrees:a", "disagrees:b"]
    assert words(rule.replace(agree={"c": "c", "b": "b", "a": "a"}), data, registries={"r": held})[2] == "disagrees:c"


def test_an_entry_that_may_agree_leaves_the_row_unchecked():
    held = pa.table({"k": ["1", "1"], "born": [date(2000, 1, 1), None]})
    rule = Match("k", registry="r", registry_key="k", agree={"born": "born"})
    data = pa.table({"k": ["1", "1"], "born": [date(2000, 1, 1), date(2000, 1, 2)]})
    assert words(rule, data, registries={"r": held}) == ["passed", "skipped"]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (pa.array([1, 2, 2**53 + 1]), pa.array([1.0, 2.5, 2.0**53]), ["passed", "disagrees:x", "disagrees:x"]),
        (pa.array([1, -1, 3], pa.int8()), pa.array([1, 2**64 - 1, 3], pa.uint64()), ["passed", "disagrees:x", "passed"]),
        (pa.array([np.nan, 0.0, 0.1]), pa.array([np.nan, -0.0, 0.1]), ["disagrees:x", "passed", "passed"]),
        (pa.array([0.1, 0.5, 1], pa.float32()), pa.array([0.1, 0.5, 1.0]), ["disagrees:x", "passed", "passed"]),
        (pa.array([1, 2, 3], pa.float16()), pa.array([1, 2, 4]), ["passed", "passed", "disagrees:x"]),
        (
            pa.array([decimal.Decimal("1.50"), decimal.Decimal("1.51"), None]),
            pa.array([decimal.Decimal("1.500"), decimal.Decimal("1.511"), decimal.Decimal("1.000")]),
            ["passed", "disagrees:x", "skipped"],
        ),
        (pa.array([1, 2, 3]), pa.array([decimal.Decimal(text) for text in ("1.0", "2.5", "3.0")]), ["passed", "disagrees:x", "passed"]),
        (pa.array([True, False, None]), pa.array([True, True, True]), ["passed", "disagrees:x", "skipped"]),
        (
            pa.array([date(2000, 1, 1), date(1900, 1, 1), None]),
            pa.array([date(2000, 1, 1), date(1900, 1, 2), date(2000, 1, 1)], pa.date64()),
            ["passed", "disagrees:x", "skipped"],
        ),
        (pa.array(["a", "é", "e\u0301"]), pa.array(["a ", "é", "é"]), ["disagrees:x", "passed", "disagrees:x"]),
        (pa.nulls(3), pa.array(["a", "b", "c"]), ["skipped"] * 3),
        (pa.array(["a", "b", "c"]), pa.nulls(3), ["skipped"] * 3),
    ],
)  # fmt: skip
def test_agreement_is_exact_between_types_of_one_kind(ours, theirs, expected):
    held = pa.table({"k": ["0", "1", "2"], "y": theirs})
    rule = Match("k", registry="r", registry_key="k", agree={"x": "y"})
    assert words(rule, pa.table({"k": ["0", "1", "2"], "x": ours}), registries={"r": held}) == expected


def test_times_agree_as_instants():
    winter = datetime(2026, 1, 1, 12)
    in_utc = winter.replace(tzinfo=UTC)
    rule = Match("k", registry="r", registry_key="k", agree={"x": "y"})

    def told_of(ours, theirs, **settings):
        held = pa.table({"k": ["0"] * 1, "y": theirs})
        return words(rule, pa.table({"k": ["0"] * len(ours), "x": ours}), registries={"r": held}, **settings)

    zoned = pa.array([in_utc], pa.timestamp("us", "UTC"))
    tokyo = pa.array([in_utc, in_utc + timedelta(seconds=1)], pa.timestamp("s", "Asia/Tokyo"))
    plain = pa.array([winter, winter + timedelta(hours=9)], pa.timestamp("ms"))
    assert told_of(tokyo, zoned) == ["passed", "disagrees:x"]
    assert told_of(plain, zoned, tz="Europe/London") == ["passed", "disagrees:x"]
    assert told_of(plain, zoned, tz="Asia/Tokyo") == ["disagrees:x", "passed"]
    with pytest.raises(dq.RuleError, match="give the rule set tz"):
        told_of(plain, zoned)
    nanos = pa.array([1_000, 1_001], pa.timestamp("ns"))
    assert told_of(nanos, pa.array([1], pa.timestamp("us"))) == ["passed", "disagrees:x"]
    before = pa.array([-1_000, -999], pa.timestamp("ns"))
    assert told_of(before, pa.array([-1], pa.timestamp("us"))) == ["passed", "disagrees:x"]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (pa.array(["2000-01-01"]), pa.array([date(2000, 1, 1)])),
        (pa.array([date(2000, 1, 1)]), pa.array([datetime(2000, 1, 1)])),
        (pa.array([1]), pa.array(["1"])),
        (pa.array([True]), pa.array([1])),
        (pa.array([1.5]), pa.array([decimal.Decimal("1.5")])),
        (pa.array([[1]]), pa.array([[1]])),
        (pa.array([b"1"]), pa.array([b"1"])),
    ],
)
def test_what_can_never_agree_is_refused(ours, theirs):
    held = pa.table({"k": ["0"], "y": theirs})
    rule = Match("k", registry="r", registry_key="k", agree={"x": "y"})
    with pytest.raises(dq.DataError, match=r"rule 'match:k': .*'x'"):
        words(rule, pa.table({"k": ["0"], "x": ours}), registries={"r": held})


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (pa.array([123]), pa.array(["0123"])),
        (pa.array(["0123"]), pa.array([123])),
        (pa.array([1.0]), pa.array([1])),
        (pa.array([1.0], pa.float32()), pa.array([1.0])),
        (pa.array([date(2000, 1, 1)]), pa.array([datetime(2000, 1, 1)])),
    ],
)
def test_a_key_of_another_type_is_refused(ours, theirs):
    rule = Match("mrn", registry="patients", registry_key="id")
    with pytest.raises(dq.DataError) as raised:
        words(rule, pa.table({"mrn": ours}), registries={"patients": pa.table({"id": theirs})})
    assert f"'mrn' holds {ours.type}" in str(raised.value)
    assert f"'id' of registry 'patients' holds {theirs.type}; cast one" in str(raised.value)
    assert "123" not in str(raised.value)


def test_keys_that_cannot_be_hashed_are_refused():
    rule = Match("mrn", registry="r", registry_key="id")
    for ours, theirs in (([b"1"], ["1"]), (["1"], [b"1"]), (["1"], [["1"]])):
        with pytest.raises(dq.DataError, match="rule 'match:mrn'"):
            words(rule, pa.table({"mrn": ours}), registries={"r": pa.table({"id": theirs})})


def test_a_registry_whose_key_is_all_null_is_refused():
    rule = Match("mrn", registry="r", registry_key="id")
    for column in (pa.nulls(2), pa.nulls(2, pa.string())):
        with pytest.raises(dq.DataError, match="every entry of registry 'r' has a null"):
            words(rule, pa.table({"mrn": ["1"]}), registries={"r": pa.table({"id": column})})
    composite = Match("mrn", "site", registry="r", registry_key=["id", "site"])
    held = pa.table({"id": ["1", None], "site": [None, "a"]})
    with pytest.raises(dq.DataError, match="every entry"):
        words(composite, pa.table({"mrn": ["1"], "site": ["a"]}), registries={"r": held})


def test_edits_need_text():
    rule = Match("mrn", registry="r", registry_key="id", max_edits=1)
    with pytest.raises(dq.DataError, match="max_edits counts characters"):
        words(rule, pa.table({"mrn": [1]}), registries={"r": pa.table({"id": [1]})})


def test_what_is_missing_is_named():
    data, held = pa.table({"mrn": ["1"]}), {"patients": pa.table({"mrn": ["1"]})}
    with pytest.raises(dq.RuleError, match=r"registry 'patient' was not given.*did you mean 'patients'"):
        words(Match("mrn", registry="patient", registry_key="mrn"), data, registries=held)
    with pytest.raises(dq.DataError, match="the registry has no column 'mnr'"):
        words(Match("mrn", registry="patients", registry_key="mnr"), data, registries=held)
    with pytest.raises(dq.DataError, match="the registry has no column 'born'"):
        words(Match("mrn", registry="patients", registry_key="mrn", agree={"mrn": "born"}), data, registries=held)
    with pytest.raises(dq.DataError, match="column 'dob' is not in the data"):
        words(Match("mrn", registry="patients", registry_key="mrn", agree={"dob": "mrn"}), data, registries=held)


@pytest.mark.parametrize(
    ("columns", "bad", "message"),
    [
        ((), {}, "columns names no column"),
        ((dq.lit("a"),), {}, "columns names no column"),
        (("a", "a"), {"registry_key": ["x", "y"]}, "twice"),
        ((1,), {}, "columns is 1"),
        (("a",), {"registry_key": ["x", "y"]}, "registry_key names 2 columns for 1"),
        (("a",), {"registry_key": []}, "registry_key names no column"),
        (("a",), {"registry": ""}, "registry is ''"),
        (("a",), {"registry": None}, "registry is None"),
        (("a",), {"max_edits": 3}, "max_edits is 3; it is 0"),
        (("a",), {"max_edits": -1}, "max_edits is -1"),
        (("a",), {"max_edits": True}, "max_edits is True"),
        (("a",), {"max_edits": 1.0}, r"max_edits is 1\.0"),
        (("a",), {"max_edits": "1"}, "max_edits is '1'"),
        (("a",), {"agree": {}}, "agree maps columns"),
        (("a",), {"agree": ["b"]}, "agree maps columns"),
        (("a",), {"agree": {"b": 1}}, "agree is 1"),
        (("a",), {"agree": {"": "b"}}, "agree is ''"),
    ],
)
def test_bad_parameters_are_refused(columns, bad, message):
    with pytest.raises(dq.RuleError, match=message):
        Match(*columns, **{"registry": "r", "registry_key": "x", **bad})


def test_lists_and_names_make_the_same_rule():
    rule = Match("a", registry="r", registry_key=["x"], agree={"b": "c"})
    assert rule == Match("a", registry="r", registry_key="x", agree={"b": "c"})
    assert eval(repr(rule)) == rule
    assert rule.id == "match:a"
    assert rule.reads() == ("a", "b")
    assert Match("a", "b", registry="r", registry_key=["x", "y"]).id == "match:a,b"


registries_in = st.lists(st.tuples(few, born, st.sampled_from(["F", "M"])), min_size=1, max_size=12)


@given(registries_in, st.lists(st.one_of(few, st.none()), max_size=12), st.integers(0, 2), st.data())
def test_any_registry_in_any_encoding_and_order(held, asked, edits, data):
    entries = [{"mrn": mrn, "born": born, "sex": sex} for mrn, born, sex in held]
    rule = Match("mrn", registry="r", registry_key="mrn", max_edits=edits, agree={"mrn": "mrn"})
    table = pa.table({"mrn": pa.array(asked, pa.string())})
    expected = meaning(entries, ["mrn"], ["mrn"], edits)(table.to_pylist())
    given_as = pa.Table.from_pylist(
        entries, pa.schema([("mrn", pa.string()), ("born", pa.date32()), ("sex", pa.string())])
    )
    column = given_as["mrn"].combine_chunks()
    column = data.draw(st.sampled_from([column, *encodings(column)]))
    shuffled = data.draw(st.permutations(range(len(entries))))
    for other in (
        given_as.set_column(0, "mrn", column),
        given_as.take(shuffled),
        pa.concat_tables([given_as, given_as]),
    ):
        report = check(Subject(rule, {}, registries={"r": other}), table)
        assert told(report) == expected
        suggested = report.failures(values=True)["suggestion"].to_pylist()
        reasons = report.failures()["reason"].to_pylist()
        wrong = [mrn for mrn, word in zip(asked, expected, strict=True) if word not in ("passed", "skipped")]
        for mrn, reason, suggestion in zip(wrong, reasons, suggested, strict=True):
            if reason in ("near_match", "ambiguous"):
                distances = {key: OSA.distance(key, mrn) for key, _, _ in held}
                nearest = sorted(key for key in distances if distances[key] == min(distances.values()))
                more = f" | and {len(nearest) - 5} more" if len(nearest) > 5 else ""
                assert suggestion == " | ".join(nearest[:5]) + more
            else:
                assert suggestion is None


@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.string_view()])
@pytest.mark.parametrize("agree", [None, {"sex": "sex"}])
def test_one_bad_row_is_found_wherever_it_is(type_, agree):
    keys = [f"{number:06}" for number in range(300)]
    held = {"r": pa.table({"mrn": keys, "sex": ["F"] * 300})}
    rule = Match("mrn", registry="r", registry_key="mrn", max_edits=1, agree=agree)
    rng = random.Random(8)
    for place in [0, 1, 6, 7, 8, 9, 62, 63, 64, 65, 126, 127, 128, 255, 256]:
        ids = [rng.choice(keys) for _ in range(257)]
        ids[place] = "x"
        sexes = ["F"] * 257
        if agree:
            ids[place], sexes[place] = keys[place], "M"
        padded = pa.table({"mrn": pa.array(["pad", *ids], type_), "sex": ["F", *sexes]}).slice(1)
        report = check(Subject(rule, {}, registries=held), padded)
        assert report.failures()["row"].to_pylist() == [place]


def test_a_hundred_thousand_keys():
    rng = random.Random(9)
    keys = sorted({f"{rng.randrange(10**10):010}" for _ in range(100_000)})
    chosen = rng.sample(keys, 500)
    held = {"r": dq.Registry(pa.table({"mrn": keys, "born": np.arange(len(keys))}))}
    listed = set(keys)
    slips = []
    for key in chosen:
        at = rng.randrange(9)
        swapped = key[:at] + key[at + 1] + key[at] + key[at + 2 :]
        slips += [key[:at] + key[at + 1 :], key[:at] + "x" + key[at:], key[:at] + "x" + key[at + 1 :], swapped]
    slips = [slip for slip in slips if slip not in listed]
    data = pa.table({"mrn": slips + chosen})
    for max_edits in (1, 2):
        rule = Match("mrn", registry="r", registry_key="mrn", max_edits=max_edits)
        found = words(rule, data, registries=held)
        assert found[len(slips) :] == ["passed"] * len(chosen)
        for slip, word in zip(slips, found, strict=False):
            assert word in ("near_match", "ambiguous")
            if word == "ambiguous":
                assert sum(OSA.distance(slip, key, score_cutoff=1) <= 1 for key in keys) > 1


def test_long_keys_that_begin_alike():
    root = "1.2.840.113619.2.55.3.604688119.971."
    keys = [f"{root}{number}.{number * 7919 % 100_003}" for number in range(10_000)]
    held = {"r": pa.table({"uid": keys})}
    asked = [keys[5_000].replace("840", "804"), keys[77] + "0", root, keys[9_999][::-1]]
    rule = Match("uid", registry="r", registry_key="uid", max_edits=2)
    report = check(Subject(rule, {}, registries=held), pa.table({"uid": asked}))
    expected = meaning([{"uid": key} for key in keys], ["uid"], ["uid"], 2)([{"uid": uid} for uid in asked])
    assert told(report) == expected


def test_many_entries_of_one_key_are_compared_in_pieces(monkeypatch):
    import dqcore.agreement as agreement

    rng = random.Random(10)
    entries = [{"k": rng.choice("ab"), "x": rng.randrange(6), "y": rng.randrange(6)} for _ in range(40)]
    rows = [{"k": rng.choice("abc"), "x": rng.randrange(7), "y": rng.randrange(7)} for _ in range(300)]
    rule = Match("k", registry="r", registry_key="k", agree={"x": "x", "y": "y"})
    expected = meaning(entries, ["k"], ["k"], 0, {"x": "x", "y": "y"})(rows)
    for pairs in (1, 7, 1_000):
        monkeypatch.setattr(agreement, "PAIRS", pairs)
        found = words(rule, pa.Table.from_pylist(rows), registries={"r": pa.Table.from_pylist(entries)})
        assert found == expected


def test_where_leaves_rows_out_before_they_are_looked_up():
    held = {"r": pa.table({"mrn": ["100"], "sex": ["F"]})}
    rule = Match("mrn", registry="r", registry_key="mrn", max_edits=1, agree={"sex": "sex"}, where="kept")
    data = pa.table({"mrn": ["10", "10", "100", "100"], "sex": ["F", "F", "M", "M"], "kept": [True, False, True, None]})
    assert words(rule, data, registries=held) == ["near_match", "skipped", "disagrees:sex", "skipped"]


def test_a_pickled_validator_looks_up_alike():
    held = {"r": pa.table({"mrn": ["100", "200"], "born": [date(2000, 1, 1)] * 2})}
    rule = Match("mrn", registry="r", registry_key="mrn", max_edits=1, agree={"born": "born"})
    data = pa.table({"mrn": ["100", "20", "9"], "born": [date(2000, 1, 2)] * 3})
    validator = pickle.loads(pickle.dumps(dq.RuleSet([rule]).prepare(data.schema, registries=held)))
    assert told(validator.validate(data)) == ["disagrees:born", "near_match", "not_found"]


def test_what_a_registry_is_asked_is_made_once():
    held = dq.Registry(pa.table({"mrn": ["100", "200"]}))
    rule = Match("mrn", registry="r", registry_key="mrn", max_edits=1)
    for _ in range(2):
        dq.RuleSet([rule]).validate(pa.table({"mrn": ["1"]}), registries={"r": held})
    assert sum(key[0] == "neighbours" for key in held._indexes) == 1


# --- slips, and the way a scheme writes ---


def test_a_slip_is_told_from_another_person():
    held = pa.table({"id": ["1"], "born": [date(1980, 1, 2)], "given": ["Anna"], "family": ["O'Neill-Smith"]})
    rule = Match(
        "id", registry="r", registry_key="id", agree={"dob": "born", "first": "given", "last": "family"},
        slips={"dob": "date", "first": "name", "last": "name"},
    )  # fmt: skip
    cases = [
        ("1980-01-02", "anna", "ONEILL SMITH", "passed"),
        ("1980-02-01", "Anna", "ONeil Smith", "passed"),
        ("19800120", "Oneil-Smith", "ANNA", "passed"),
        ("1980-02-10", "Anna", "O'Neill-Smith", "disagrees:dob"),
        ("1981-01-03", "Anna", "O'Neill-Smith", "disagrees:dob"),
        ("2.1.1980", "Anna", "O'Neill-Smith", "disagrees:dob"),
        ("1980-01-02", "Hannah", "O'Neill-Smith", "disagrees:first"),
        ("1980-01-02", "Anna", "Jones", "disagrees:last"),
        ("1980-01-02", "Anna", "-", "skipped"),
        ("1980-01-02", "Jones", "-", "disagrees:first"),
    ]
    data = pa.table({name: [case[at] for case in cases] for at, name in enumerate(["dob", "first", "last"])})
    data = data.append_column("id", pa.array(["1"] * len(cases)))
    assert words(rule, data, registries={"r": held}) == [case[3] for case in cases]


def test_dates_of_csv_stay_text_where_a_slip_may_be_no_date(tmp_path):
    (tmp_path / "data.csv").write_text("id,dob\n1,1980-02-01\n1,31.12.1980\n")
    held = pa.table({"id": ["1"], "born": [date(1980, 1, 2)]})
    rule = Match("id", registry="r", registry_key="id", agree={"dob": "born"}, slips={"dob": "date"})
    assert words(rule, tmp_path / "data.csv", registries={"r": held}) == ["passed", "disagrees:dob"]


@given(st.dates(date(1900, 1, 1), date(2030, 12, 31)), st.dates(date(1900, 1, 1), date(2030, 12, 31)), st.booleans())
def test_dates_agree_as_on_paper(a, b, near):
    if near:
        with contextlib.suppress(ValueError):
            b = a.replace(month=a.day, day=a.month)
    rule = Match("id", registry="r", registry_key="id", agree={"dob": "born"}, slips={"dob": "date"})
    found = words(rule, pa.table({"id": ["1"], "dob": [a]}), registries={"r": pa.table({"id": ["1"], "born": [b]})})
    assert found == ["passed" if dates_agree(a, b) else "disagrees:dob"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"slips": {"dob": "date"}}, "slips names 'dob', which is not in agree"),
        ({"agree": {"dob": "born"}, "slips": {"dob": "day"}}, "slips of 'dob' is 'day'; it is 'date' or 'name'"),
        ({"agree": {"dob": "born"}, "slips": {}}, "slips maps columns of agree"),
        ({"agree": {"dob": "born"}, "slips": ["dob"]}, "slips maps columns of agree"),
        ({"schemes": {"mrn": "luhn"}}, "schemes names 'mrn', which is no column of the key"),
        ({"schemes": {"id": "nhs"}}, "scheme 'nhs' is not known"),
        ({"schemes": "luhn"}, "schemes maps columns of the key to schemes"),
    ],
)
def test_slips_and_schemes_that_are_wrong_are_refused(parameters, message):
    with pytest.raises(dq.RuleError, match=message):
        Match("id", registry="r", registry_key="id", **parameters)


@pytest.mark.parametrize(
    ("slip", "ours", "theirs", "message"),
    [
        ("date", pa.int64(), pa.date32(), "column 'dob' holds int64; a date with slips is dates, or dates as text"),
        ("name", pa.string(), pa.date32(), "the registry's column 'born' holds date32.*; a name with slips is text"),
    ],
)
def test_slips_of_other_types_are_refused(slip, ours, theirs, message):
    data, held = pa.schema({"id": pa.string(), "dob": ours}), pa.table({"id": ["1"], "born": pa.nulls(1, theirs)})
    rule = Match("id", registry="r", registry_key="id", agree={"dob": "born"}, slips={"dob": slip})
    with pytest.raises(dq.DataError, match=message):
        dq.RuleSet([rule]).prepare(data, registries={"r": held})


def test_from_a_text_to_an_entry_in_one_rule():
    held = pa.table({"nhs": ["943 476 5919", "9434765870"], "born": [date(1980, 1, 2), date(1980, 1, 2)]})
    rule = Match(
        "id", registry="r", registry_key="nhs", max_edits=1, schemes={"id": "nhs_number"}, agree={"dob": "born"}
    )
    data = pa.table(
        {
            "id": ["9434765919", "943-476-5870", "943 476 5819", "9434765919", "9434765"],
            "dob": [date(1980, 1, 2)] * 3 + [date(1980, 1, 3)] * 2,
        }
    )
    rules = dq.RuleSet([rule])
    for form in (data, data.set_column(0, "id", data["id"].dictionary_encode())):
        report = rules.validate(form, registries={"r": held})
        assert told(report) == ["passed", "passed", "near_match", "disagrees:dob", "not_found"]
        # The suggestion is the registry's own spelling.
        assert report.failures(values=True)["suggestion"].to_pylist() == ["943 476 5919", None, None]
    assert dq.RuleSet.from_dict(rules.to_dict()) == rules
    validator = pickle.loads(pickle.dumps(rules.prepare(data.schema, registries={"r": held})))
    assert told(validator.validate(data)) == ["passed", "passed", "near_match", "disagrees:dob", "not_found"]


def test_leading_zeros_are_filled_by_a_scheme_of_the_house():
    mrn = dq.Scheme("[0-9]{4,8}", pad=8)
    rule = Match("site", "id", registry="r", registry_key=["site", "mrn"], schemes={"id": mrn})
    held = pa.table({"site": ["A", "B"], "mrn": ["00001234", "4321"]})
    data = pa.table({"site": ["A", "A", "B", "B", "A"], "id": ["1234", "00001234", "004321", "1234", "234"]})
    assert words(rule, data, registries={"r": held}) == ["passed", "passed", "passed", "not_found", "not_found"]
    assert dq.RuleSet.from_dict(dq.RuleSet([rule]).to_dict()) == dq.RuleSet([rule])


def test_many_that_are_nearest_are_counted():
    held = pa.table({"site": ["A"] * 400 + ["B"], "mrn": [f"{number:03}x" for number in range(400)] + ["999"]})
    rule = Match("site", "mrn", registry="r", registry_key=["site", "mrn"], max_edits=2)
    data = pa.table({"site": ["A", "B", "A"], "mrn": ["1yyx", "99", "00x"]})
    report = dq.RuleSet([rule]).validate(data, registries={"r": held})
    assert told(report) == ["ambiguous", "near_match", "ambiguous"]
    suggestions = report.failures(values=True)["suggestion"].to_pylist()
    # 1 and any two digits: a hundred of them; 00x lacks one digit.
    assert suggestions[0] == "A, 100x | A, 101x | A, 102x | A, 103x | A, 104x | and 95 more"
    assert suggestions[1] == "B, 999"
    nearest = sorted({f"{number:03}x" for number in range(400) if OSA.distance(f"{number:03}x", "00x") == 1})
    assert suggestions[2] == " | ".join(f"A, {mrn}" for mrn in nearest[:5]) + f" | and {len(nearest) - 5} more"
