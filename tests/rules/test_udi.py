"""UDI: the three issuers against their oracle, published vectors, real devices, and what rows say of their parts."""

import gzip
import json
import pickle
import re
from collections import Counter
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import Laws, Subject, encodings, told
from oracle import udi as oracle
from realdata import data_folder

import dqcore as dq
from dqcore.knowledge.application_identifiers import PARTS as OF_AI
from dqcore.knowledge.application_identifiers import entries
from dqcore.rules.udi import PARTS

GS = "\x1d"
EXAMPLES = [
    "00844588018923",
    "96385074",
    "0100844588018923",
    f"010084458801892317280200{GS}",
    f"]d2010084458801892310LOT-1{GS}21S/N_7{GS}17280229",
    f"]C1{GS}0100844588018923" + "11250131",
    "(01)09504000059118(17)141120(10)7654321D(21)10987654d321",
    "(01)00844588018923(11)250100(8012)1.0(240)REF:7",
    f"01008445880189233103000195392502{GS}",
    f"0100844588018923423036250{GS}800800010112{GS}",
    f"0100844588018923{GS}70032512312359",
    "+A123BJC5D6E71G",
    "*+A123BJCMD6E79+*",
    "]zB+A123BJC5D6E71G+2001510X3GG",
    "+A123BJCMD6E79++$$52001510X3+ ",
    "*+A123BJCMD6E79++$$52001510X3+_*",
    "+A99912345/$$812710X3/$$+320090677DEFG45/16D20111212.",
    "+J123AQ3451/25330BC34567/S4012X",
    "+J123AQ3451/$$1125BC34567/S4012L",
    "+A123ABCDEFGHI1234567891/$$420020216LOT123456789012345/SXYZ456789012345678/16D20130202$",
    "+E308T800206X0/$$7230513/14D20260413F",
    "=/A9997AB3456T0123",
    "=+04035=/A9997XYZ100T0479=,000012=A99991712345600=>019031",
    "=+06000=/A9999XYZ100T0476=,000025=A99971712345600=>019032=}017032&,1000000000000XYZ123",
    "=/A9997AB3456T0123=G12341765432170&>0183652359=%T300",
]


def table_of(values, **more):
    return pa.table({"udi": pa.array(values, pa.string()), **more})


def judged(values, now=None, **parameters):
    return told(dq.RuleSet([dq.UDI("udi", **parameters)]).validate(table_of(values), now=now))


def written(values, now=None, **more):
    """The parts of each value that passes, None where it has none."""
    report = dq.RuleSet([dq.UDI("udi", into={part: part for part in PARTS})]).validate(table_of(values), now=now)
    return report.table().select(list(PARTS)).to_pylist()


def parts_of(value, now=None):
    return {part: said for part, said in written([value], now=now)[0].items() if said is not None}


# --- against their meaning in plain Python ---

BITS = [
    "01", "10", "11", "17", "21", "240", "30", "8012", "8013", "253", "37", "3103", "392", "423", "7007", "8008", "99",
    GS, "(", ")", "/", "+", "$", "$$", "$$+", "$+", "/S", "/16D", "/14D", "/Q5", "*", "]d2", "]d1", "=", "=,", "=>", "=}",
    "&,1", "&>", "=+02000", "=/A9997AB3456T0123", "=A99991712345600", "0100844588018923", "(01)00844588018923",
    "+A99912345", "250229", "280200", "019031", "20250230", "_", " ", "\n", "\0", "é", "９", "O",
]  # fmt: skip


def mod43(text):
    return oracle.CODE39[sum(map(oracle.CODE39.find, text)) % 43]


@st.composite
def near_udis(draw):
    """A UDI, or what small faults make of one, sometimes with check digits made right again; or bits of any."""
    text = draw(st.sampled_from(EXAMPLES) | st.lists(st.sampled_from(BITS), max_size=9).map("".join))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        what = draw(st.sampled_from(["insert", "delete", "replace", "digit", "swap"]))
        new = draw(st.sampled_from(BITS) | st.characters(codec="utf-8"))
        if what == "insert":
            text = text[:at] + new + text[at:]
        elif what == "delete":
            text = text[:at] + text[at + 1 :]
        elif what == "swap":
            text = text[: max(at - 1, 0)] + text[at : at + 1] + text[max(at - 1, 0) : at] + text[at + 1 :]
        else:
            text = text[:at] + (draw(st.sampled_from("0123456789")) if what == "digit" else new) + text[at + 1 :]
    if text.startswith("+") and draw(st.booleans()):
        text = text[:-1] + mod43(text[:-1])
    return text


def meaning(rows):
    return ["skipped" if row["udi"] is None else oracle.read(row["udi"])[0] for row in rows]


COLUMNS = {"lot": "lot", "expires": "expiry", "number": "serial", "made": "manufactured"}


def agreement(rows):
    words = []
    for row in rows:
        word, parts = ("skipped", {}) if row["udi"] is None else oracle.read(row["udi"])
        if word == "passed":
            both = {name: part for name, part in COLUMNS.items() if row[name] is not None and part in parts}
            differ = [name for name, part in both.items() if row[name] != parts[part]]
            word = f"disagrees:{differ[0]}" if differ else "passed" if len(both) == len(COLUMNS) else "skipped"
        words.append(word)
    return words


DATES = st.sampled_from([date(2028, 2, 29), date(2025, 1, 31), date(2020, 9, 6), date(2019, 2, 1), date(2011, 12, 12)])
ROW = {
    "udi": (pa.string(), st.sampled_from(EXAMPLES) | near_udis()),
    "lot": (pa.string(), st.sampled_from(["LOT-1", "10X3", "BC34567", "000000000000XYZ123"])),
    "expires": (pa.date32(), DATES),
    "number": (pa.string(), st.sampled_from(["S/N_7", "77DEFG45", "000025"])),
    "made": (pa.date32(), DATES | st.just(date(2017, 2, 1))),
}


class TestLaws(Laws):
    subjects = [
        Subject(dq.UDI("udi"), {"udi": (pa.string(), near_udis())}, meaning),
        Subject(dq.UDI("udi", into="di"), {"udi": (pa.string(), near_udis())}, meaning, name="into"),
        Subject(dq.UDI("udi", into={part: part for part in PARTS}), {"udi": (pa.string(), near_udis())}, meaning,
                name="all parts"),
        Subject(dq.UDI("udi", agree=COLUMNS, into={"expiry": "expiry"}), ROW, agreement, settings={"tz": "Europe/London"},
                name="agree"),
    ]  # fmt: skip


@given(st.lists(near_udis() | st.text(max_size=60), max_size=20), st.sampled_from([1999, 2024, 2026, 2051]))
def test_parts_are_what_the_oracle_reads(values, year):
    read = [oracle.read(value, year) for value in values]
    now = datetime(year, 6, 1, tzinfo=UTC)
    assert judged(values, now=now) == [word for word, _ in read]
    assert written(values, now=now) == [{part: parts.get(part) for part in PARTS} for _, parts in read]


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_any_bytes_are_judged(values):
    texts = [value.decode("latin-1") for value in values]
    assert judged(texts) == [oracle.read(text)[0] for text in texts]


@pytest.mark.parametrize("value", EXAMPLES)
def test_examples_pass(value):
    assert oracle.read(value)[0] == "passed"
    assert judged([value]) == ["passed"]
    assert parts_of(value) == oracle.read(value)[1]


# --- published vectors; a miss is counted here and explained ---

WITH_DI = "0100844588018923"


def lines(name):
    with data_folder("clinical", "udi", name).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_the_table_is_that_of_gs1():
    text = data_folder("clinical", "udi", "gs1-syntax-dictionary.txt").read_text(encoding="utf-8")
    seen = {}
    for line in filter(None, (line.split("#")[0].split() for line in text.splitlines())):
        fields = [re.sub(r"(,\w+)+", "", part) for part in line[1:] if re.match(r"\[?[NXYZ][.0-9]", part)]
        partners = {part.partition("=")[0]: part.partition("=")[2].split(",") for part in line if "=" in part}
        seen[line[0]] = ("*" in line[1], fields, partners.get("req", []), partners.get("ex", []))
    ours = {}
    for entry in entries():
        name = entry.ais[0] if len(entry.ais) == 1 else f"{entry.ais[0]}-{entry.ais[-1]}"
        fields = [
            f"{'[' * optional}{kind}{'..' * (least < most)}{most}{']' * optional}"
            for kind, least, most, optional, _ in entry.fields
        ]
        needs = ["+".join(need).replace(".", "n") for need in entry.needs]
        alike = entry.ais[0][:3] + "n"
        ours[name] = (
            entry.predefined,
            fields,
            needs,
            [x.replace("alike", alike).replace(".", "n") for x in entry.excludes],
        )
    assert ours == seen
    assert set(OF_AI) <= {ai for entry in entries() for ai in entry.ais}


def test_devices_of_gudid():
    with gzip.open(data_folder("clinical", "udi", "gudid_2016_sample.ndjson.gz"), "rt") as file:
        found = [item for line in file for item in json.loads(line)["identifiers"]]
    gs1 = [item["deviceId"] for item in found if item["deviceIdIssuingAgency"] == "GS1"]
    assert len(gs1) > 700
    assert Counter(judged(gs1)) == {"passed": len(gs1)}
    assert [row["di"] for row in written(gs1)] == gs1
    # The agencies' other identifiers are stored without what tells their issuer.
    others = [item["deviceId"] for item in found if item["deviceIdIssuingAgency"] != "GS1"]
    assert set(judged(others)) <= {"unknown_issuer"}


def test_vectors_of_hibcc():
    rows = lines("hibc_vectors.jsonl")
    values = [row["barcode"] for row in rows]
    assert [word == "passed" for word in judged(values)] == [row["set"].startswith("Valid") for row in rows]
    for value, row in zip(values, rows, strict=True):
        fields = row["fields"]
        if not fields:
            continue
        expected = {"di": f"{fields['LabelerIdentificationCode']}{fields['ProductCode']}{fields['UnitOfMeasure']}"}
        names = {
            "BatchNumber": "lot",
            "SerialNumber": "serial",
            "ExpirationDate": "expiry",
            "ProductionDate": "manufactured",
        }
        for name, part in names.items():
            if name in fields:
                said = fields[name]
                expected[part] = date.fromisoformat(said[:10]) if name.endswith("Date") else said
        if "/$$1125" in value:
            # A month without a day: the vector has its first day, we its last, as GS1 has it for day 00.
            expected["expiry"] = date(2025, 11, 30)
        assert parts_of(value) == expected


def test_vectors_of_isbt128():
    path = data_folder("clinical", "udi", "isbt128_vectors.json")
    samples = [row["barcode"] for row in json.loads(path.read_text(encoding="utf-8"))["samples"]]
    # Without a device identifier (=/) there is no UDI: numbers of donations, patients and blood are none.
    expected = ["passed" if "=/" in text and not text.startswith("=+05000=/") else "bad_format" for text in samples]
    expected = [
        "unknown_issuer" if text.startswith("SEC:") else word for text, word in zip(samples, expected, strict=True)
    ]
    assert judged(samples) == expected
    # What they say is read all the same once a device identifier stands before it.
    standing = [text for text in samples if re.match("=[A-Z1-9]|&,4", text) and len(text) >= 16]
    joined = [f"=/A9997AB3456T0123{text}" for text in standing]
    wrong = {"=G12341765432171": "bad_check_digit", "=A99991712345600&xSOME-LOCAL-DATA": "bad_format"}
    assert judged(joined) == [wrong.get(text, "passed") for text in standing]


def test_vectors_of_gs1_element_strings():
    """FNC1 is `^`. The engine judges elements alone, so those without a GTIN get one here; what it does not ask for, and
    the rule does, are the partners that an AI needs."""
    alone = {
        "(3900)12345(11)991225",  # 390n needs 255 or 8020
        "^81111234^10ABC123",  # 8111 needs 255
        "^0095201234567891234502095201234567883725^10ABC123",  # 02 does not go with 01
        "^010952012345678899XYZ^89ABC123",  # 89 is no AI that GS1 gives out
        "^",  # nothing is wrong with an empty message that got a GTIN
    }
    misses = set()
    for row in lines("gs1_engine_ai_vectors.jsonl"):
        text = row.get("expect", "") if row["test"] == "test_parseDLuri" else row["input"]
        if not text:
            continue
        if text[0] in "(^" and not re.search(r"\(01\)|\^01", text):
            text = f"(01)00844588018923{text}" if text.startswith("(") else f"^{WITH_DI}{text[1:]}"
        if (judged([text.replace("^", GS)]) == ["passed"]) != row["ok"]:
            misses.add(row["input"] if row["test"] != "test_parseDLuri" else row["expect"])
    assert misses <= alone


LINTED = {
    "yymmd0": "17{}", "yymmdd": "7006{}", "hhmi": "7003251231{}", "hh": "8008251231{}", "mi": "800825123100{}",
    "ss": "80082512310000{}", "csumalpha": "8013{}", "cset82": "99{}", "cset39": "8010{}",
    "cset64": f"21A{GS}8030{{}}", "csetnumeric": "30{}", "zero": "8003{}1234567890128",
}  # fmt: skip
NOT_OURS = {
    ("hh", "1111"),  # two digits are the hours, the next two minutes
    ("csumalpha", "22"),  # the pair of no characters
    ("cset39", ""), ("cset64", ""), ("cset82", ""), ("csetnumeric", ""),  # an element has data
    ("zero", "000"), ("zero", "011"),  # the field has one digit, the others are of the next
}  # fmt: skip


@pytest.mark.parametrize("linter", LINTED)
def test_vectors_of_gs1_contents(linter):
    rows = [row for row in lines("gs1_linter_vectors.jsonl") if row["linter"] == linter]
    words = judged([WITH_DI + LINTED[linter].format(row["value"]) for row in rows])
    misses = [row["value"] for row, word in zip(rows, words, strict=True) if (word == "passed") != row["ok"]]
    assert [value for value in misses if (linter, value) not in NOT_OURS] == []
    width = {"yymmd0": 6, "yymmdd": 6, "hhmi": 4}.get(linter)
    for row, word in zip(rows, words, strict=True):
        if len(row["value"]) == width and row["value"].isdigit():
            assert word in ("passed", "bad_date")


def test_vectors_of_check_digits_and_pieces():
    rows = [row for row in lines("gs1_linter_vectors.jsonl") if row["linter"] == "csum" and row["value"]]
    lengths = {8: "", 12: "", 13: "", 14: "", 18: f"{WITH_DI}00"}
    known = [row for row in rows if len(row["value"]) in lengths and row["value"].isdigit()]
    words = judged([lengths[len(row["value"])] + row["value"] for row in known])
    assert words == ["passed" if row["ok"] else "bad_check_digit" for row in known]


def biip(*tests):
    return [row["row"] for row in lines("biip_vectors.jsonl") if row["test"] in tests]


def test_vectors_of_biip_gtins():
    # Those of twelve to fourteen digits, and of eight.
    rows = [row["row"][0] for row in lines("biip_vectors.jsonl") if re.match("test_parse_gtin", row["test"])]
    assert judged(rows) == ["passed"] * len(rows)
    assert [row["di"] for row in written(rows)] == [row.zfill(14) for row in rows]
    encoded = biip("test_as_gtin_14")
    for value, expected in encoded:
        if len(value) in (8, 12, 13, 14) and judged([value]) == ["passed"]:
            assert parts_of(value)["di"] == expected
    assert judged(["0123456789abc", "]E05901234123457", "]I105901234123457"]) == ["bad_format", "passed", "passed"]


def test_vectors_of_biip_messages():
    for value, *_ in biip("test_extract_date_and_datetime", "test_as_hri", "test_extract_variable_measures"):
        text = value if value.startswith("01") else WITH_DI + value
        # 4324 and 4325 are of shipments (they need 00), and 9999 is no time of day.
        wrong = "bad_format" if value.startswith("43") else "passed"
        if re.match("[0-9]{2}", value) and len(value) < 32 and not value.startswith("37059"):
            assert judged([text]) == [wrong], value
    doubled = f"0107032069804988100329{GS}{GS}15210526"
    assert judged([f"0107032069804988100329{GS}15210526", doubled]) == ["passed", "bad_format"]
    assert judged(["010703206980498810032915210526", f"{WITH_DI}15990229"]) == ["passed", "bad_date"]
    assert parts_of(f"{WITH_DI}17200200")["expiry"] == date(2020, 2, 29)
    assert judged(["0105901234123458", "0105901234123457", "157035381410375177"]) == [
        "bad_check_digit", "passed", "bad_format",
    ]  # fmt: skip


# --- what passes must be right ---


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("", "unknown_issuer"), (" 00844588018923", "unknown_issuer"), ("No Equipment", "unknown_issuer"),
        ("00844588018923\n", "bad_format"), ("00844588018923 ", "bad_format"), ("0084458801892", "bad_check_digit"),
        ("00844588018924", "bad_check_digit"), ("00000000000000", "bad_format"), ("0100000000000000", "bad_format"),
        ("10LOT", "bad_format"), ("(10)LOT", "bad_format"),
        (f"{WITH_DI}10A(17", "passed"), ("(01)00844588018923(10)A(17", "bad_format"),
        ("(01)00844588018923 (10)A", "bad_format"), ("(01)0844588018923", "bad_format"),
        (f"{WITH_DI}17251301", "bad_date"), (f"{WITH_DI}17250431", "bad_date"), (f"{WITH_DI}17250229", "bad_date"),
        (f"{WITH_DI}1725022910A", "bad_date"), (f"{WITH_DI}10é", "bad_format"), (f"{WITH_DI}10#1", "bad_format"),
        (f"{WITH_DI}10{'A' * 21}", "bad_format"), (f"{WITH_DI}10", "bad_format"),
        (f"{WITH_DI}10A{GS}10A", "passed"), (f"{WITH_DI}10A{GS}10B", "bad_format"),
        (f"{WITH_DI}3102000001{GS}3103000001", "bad_format"), (f"{WITH_DI}0200844588018923375", "bad_format"),
        (f"{WITH_DI}250X", "bad_format"), (f"{WITH_DI}21S{GS}250X", "passed"), (f"]d1{WITH_DI}", "unknown_issuer"),
        ("]d2+A123BJC5D6E71G", "bad_format"), ("]A0+A123BJC5D6E71G", "passed"), ("+A123BJC5D6E71H", "bad_check_digit"),
        ("+a123bjc5d6e71g", "bad_format"), ("+A123BJC5D6E7XG", "bad_format"), ("+$$52001510X3GD", "bad_format"),
        ("+A123BJC5D6E71G+$$52001510X3HE", "bad_check_digit"), ("*+A123BJC5D6E71G", "bad_format"),
        ("+", "bad_format"), ("=", "bad_format"), ("&", "bad_format"), ("(", "bad_format"), ("]d2", "bad_format"),
        ("]", "unknown_issuer"), ("*", "unknown_issuer"), ("*+*", "bad_format"), ("=/O9997AB3456T0123", "bad_format"),
        ("=/A9997AB3456T0123=>019366", "bad_date"), ("=/A9997AB3456T0123=>020366", "passed"),
        ("=/A9997AB3456T0123=G12341765432171", "bad_check_digit"), ("A9997AB3456T0123", "unknown_issuer"),
    ],
)  # fmt: skip
def test_false_passes(value, word):
    assert judged([value]) == [word]


@pytest.mark.parametrize(
    ("now", "expiry"),
    [
        (None, {"76": 2076, "77": 1977, "00": 2000}),
        (datetime(2026, 1, 1, tzinfo=UTC), {"76": 2076, "77": 1977}),
        (datetime(1999, 12, 31, tzinfo=UTC), {"49": 2049, "50": 1950}),
        (datetime(2051, 1, 1, tzinfo=UTC), {"01": 2101, "02": 2002}),
    ],
)
def test_centuries_are_told_from_now(now, expiry):
    for two, year in expiry.items():
        assert parts_of(f"{WITH_DI}17{two}0228", now=now)["expiry"] == date(year, 2, 28)


# --- agree ---


def agreed(agree, udi="(01)00844588018923(17)280200(10)A7", tz=None, **columns):
    table = pa.table({"udi": [udi] * len(next(iter(columns.values()))), **columns})
    return told(dq.RuleSet([dq.UDI("udi", agree=agree)], tz=tz).validate(table))


def test_absent_is_told_apart_from_wrong():
    agree = {"lot": "lot", "serial": "serial"}
    assert agreed(agree, lot=["A7", "A8"], serial=["1", "1"]) == ["skipped", "disagrees:lot"]
    both = "(01)00844588018923(10)A7(21)S"
    lots, serials = ["A7", None, None, "A7"], ["S", "S", "T", None]
    assert agreed(agree, both, lot=lots, serial=serials) == ["passed", "skipped", "disagrees:serial", "skipped"]
    report = dq.RuleSet([dq.UDI("udi", agree={"lot": "lot"}, nulls="fail")]).validate(
        table_of(["00844588018923", None], lot=["A7", None])
    )
    assert report.failures()["column"].to_pylist() == ["udi", "udi"]


def test_days_are_compared_as_days():
    day = {"expires": "expiry"}
    night = datetime(2028, 2, 28, 23, 30, tzinfo=UTC)
    for values, words in [
        (pa.array([date(2028, 2, 29), date(2028, 2, 28)], pa.date32()), ["passed", "disagrees:expires"]),
        (pa.array([date(2028, 2, 29), None], pa.date64()), ["passed", "skipped"]),
        (
            pa.array([datetime(2028, 2, 29, 23), datetime(2028, 3, 1)], pa.timestamp("ns")),
            ["passed", "disagrees:expires"],
        ),
        (pa.array([night], pa.timestamp("us", "UTC")), ["disagrees:expires"]),
        (
            pa.array(["2028-02-29", "2028-02-29T10:00", "20280229", "2028-02", "soon", ""]),
            [*["passed"] * 3, *["disagrees:expires"] * 3],
        ),
        (pa.nulls(1), ["skipped"]),
    ]:
        assert agreed(day, expires=values) == words
    assert agreed(day, tz="Europe/Paris", expires=pa.array([night], pa.timestamp("us", "UTC"))) == ["passed"]
    assert agreed(day, tz="Europe/Paris", expires=pa.array([date(2028, 2, 29)])) == ["passed"]


def test_a_dictionary_is_read_once_and_says_the_same():
    table = table_of([*EXAMPLES, None, "x"] * 3, lot=["LOT-1", "10X3", None] * (len(EXAMPLES) + 2))
    rules = dq.RuleSet([dq.UDI("udi", agree={"lot": "lot"}, into={"di": "di", "expiry": "expires"})])
    plain = rules.validate(table)
    for other in encodings(table["udi"].combine_chunks()):
        report = rules.validate(table.set_column(0, "udi", other))
        assert told(report) == told(plain)
        assert report.table().select(["di", "expires"]) == plain.table().select(["di", "expires"])


def test_csv_columns_are_read_as_days(tmp_path):
    path = tmp_path / "devices.csv"
    path.write_text("udi,lot,expires\n(01)00844588018923(17)280200(10)007,007,2028-02-29\n", encoding="utf-8")
    rule = dq.UDI("udi", agree={"lot": "lot", "expires": "expiry"})
    assert dq.RuleSet([rule]).validate(path).passed


def test_types_of_new_columns():
    schema = (
        dq.RuleSet([dq.UDI("udi", into=dict.fromkeys(PARTS, None) | {p: p for p in PARTS})])
        .validate(table_of([None]))
        .table()
        .schema
    )
    assert [schema.field(part).type for part in PARTS] == [pa.string()] * 4 + [pa.date32()] * 2


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"agree": {}}, "agree maps"), ({"agree": ["lot"]}, "agree maps"), ({"agree": {"a": "lott"}}, "did you mean"),
        ({"agree": {"a": 1}}, "no part of a UDI"), ({"agree": {1: "lot"}}, "name of a column"), ({"into": {}}, "into is"),
        ({"into": {"expires": "expiry"}}, "no part"), ({"into": {"di": "a", "lot": "a"}}, "two parts"),
        ({"into": 3}, "into is"), ({"into": ""}, "name of a column"), ({"into": "udi"}, "a column already"),
    ],
)  # fmt: skip
def test_bad_parameters(parameters, message):
    with pytest.raises(dq.RuleError, match=message):
        judged(["x"], **parameters)


@pytest.mark.parametrize("column", ["udi", "lot"])
def test_numbers_have_lost_their_zeros(column):
    table = pa.table({"udi": ["x"], "lot": ["x"]}).set_column(0 if column == "udi" else 1, column, pa.array([1]))
    with pytest.raises(dq.DataError, match="leading zeros"):
        dq.RuleSet([dq.UDI("udi", agree={"lot": "lot"})]).validate(table)


def test_the_table_pickles():
    rules = dq.RuleSet([dq.UDI("udi", into="di"), dq.UDI("udi", agree={"lot": "lot"}, id="lot")])
    table = table_of(EXAMPLES, lot=["A"] * len(EXAMPLES))
    validator = rules.prepare(table.schema)
    again = pickle.loads(pickle.dumps(validator)).validate(table)
    assert again.failures() == validator.validate(table).failures()
