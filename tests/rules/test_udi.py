"""UDI: the three issuers against their oracle, published vectors, real devices, and what rows say of their parts."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import Laws, Subject, told
from oracle import udi as oracle

import dqcore as dq
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
