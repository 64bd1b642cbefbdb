"""What a unique device identifier means, in plain Python, one at a time: slow, obvious, written apart from the kernel."""

import re
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date, timedelta

from oracle.identifiers import CODE39, CSET82

from dqcore.knowledge.application_identifiers import PARTS, entries

ORDER = ["bad_format", "bad_check_digit", "bad_date"]
CHARACTERS = {"N": "[0-9]", "X": f"[{re.escape(CSET82)}]", "Y": "[-#/0-9A-Z]", "Z": "[-_=0-9A-Za-z]"}
CENTURY = {c: 1900 if c == 9 else 2000 + 100 * c for c in range(10)}
GS = "\x1d"


@dataclass
class Said:
    reference: int = 2026
    parts: dict = field(default_factory=dict)
    faults: set = field(default_factory=set)

    def fault(self, reason, when=True):
        if when:
            self.faults.add(reason)

    def say(self, part, value):
        if value != "":
            self.fault("bad_format", self.parts.get(part, value) != value)
            self.parts[part] = value

    def year(self, two):
        """The year that ends in these digits and is nearest; of two as near, the later."""
        near = [century + two for century in range(0, 10100, 100)]
        return min(near, key=lambda year: (abs(year - self.reference), -year))

    def day(self, part, year, month, day, *, open_ended=False):
        try:
            if day == 0 and open_ended:
                day = monthrange(year, month)[1]
            told = date(year, month, day)
        except ValueError:
            self.fault("bad_date")
        else:
            if part:
                self.say(part, told)

    def ordinal(self, part, year, day):
        told = date(year, 1, 1) + timedelta(day - 1)
        self.fault("bad_date", told.year != year)
        if told.year == year:
            self.say(part, told)

    def clock(self, hours, minutes=0):
        self.fault("bad_date", int(hours) > 23 or int(minutes) > 59)

    @property
    def word(self):
        return next((reason for reason in ORDER if reason in self.faults), "passed")


# --- GS1 ---


def mod10(digits):
    return sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(reversed(digits))) % 10 == 0


def pair(text):
    """GS1 General Specifications 7.9.5."""
    primes = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83]
    pairs = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    if len(text) < 3 or any(c not in CSET82 for c in text):
        return False
    total = sum(p * CSET82.index(c) for p, c in zip(primes, reversed(text[:-2]), strict=False)) % 1021
    return text[-2:] == pairs[total // 32] + pairs[total % 32]


def field_holds(said, check, part, text):
    if check == "check":
        said.fault("bad_check_digit", not mod10(text))
    elif check == "pair":
        said.fault("bad_check_digit", not pair(text))
    elif check == "master":
        said.fault("bad_check_digit", not pair(text))
        said.fault("bad_format", text.isdigit())
    elif check == "padded":
        said.fault("bad_format", not re.fullmatch("[^=]+|(?=(....)+$)[^=]+={1,2}", text))
    elif check in ("yymmd0", "yymmdd"):
        year, month, day = (int(text[i : i + 2]) for i in (0, 2, 4))
        said.day(part, said.year(year), month, day, open_ended=check == "yymmd0")
    elif check == "yyyymmdd":
        said.day(part, int(text[:4]), int(text[4:6]), int(text[6:]))
    elif check == "hhmm":
        said.clock(text[:2], text[2:])
    elif check == "hh":
        said.clock(text)
    elif check in ("mm", "ss"):
        said.clock(0, text)
    elif check in ("zero", "nonzero"):
        said.fault("bad_format", (int(text) == 0) != (check == "zero"))
    elif check == "piece":
        said.fault("bad_format", not 1 <= int(text[:2]) <= int(text[2:]))


def entry_of(ai):
    return next((entry for entry in entries() if ai in entry.ais), None)


def known_ai(text):
    return next((text[:n] for n in (2, 3, 4) if len(text) >= n and entry_of(text[:n])), None)


def split_brackets(text):
    if not re.fullmatch(r"(\([0-9]+\)[^(]*)+", text):
        return None
    return re.findall(r"\(([0-9]+)\)([^(]*)", text)


def split_separators(text):
    found = []
    while text:
        ai = known_ai(text)
        if ai is None:
            return None
        text = text.removeprefix(ai)
        entry = entry_of(ai)
        # What has a predefined length needs no separator, and all AIs that begin as it does have that length.
        alike = next((other for other in entries() if other.predefined and other.ais[0][:2] == ai[:2]), None)
        if alike is not None:
            length = len(alike.ais[0]) + sum(most for _, _, most, _, _ in alike.fields) - len(ai)
            if len(text) < length:
                return None
        else:
            assert entry is not None
            length = len(text.partition(GS)[0])
        found.append((ai, text[:length]))
        text = text[length:].removeprefix(GS)
    return found


def goes_together(found):
    there = {ai for ai, _ in found}

    def is_there(pattern):
        return any(re.fullmatch(pattern, ai) for ai in there)

    for ai, data in found:
        entry = entry_of(ai)
        if any(other == ai and others != data for other, others in found):
            return False
        if entry.alone and any(other != ai and other in entry.ais for other in there):
            return False
        if any(pattern != "alike" and is_there(pattern) for pattern in entry.excludes):
            return False
        if entry.needs and not any(all(map(is_there, need)) for need in entry.needs):
            return False
    return True


def elements(said, found):
    if found is None or len(found) > 64 or any(entry_of(ai) is None for ai, _ in found):
        said.fault("bad_format")
        return
    for ai, data in found:
        left, part = data, PARTS.get(ai)
        for characters, least, most, optional, check in entry_of(ai).fields:
            if optional and not left:
                break
            taken = re.match(f"{CHARACTERS[characters]}{{{least},{most}}}", left)
            if not taken:
                said.fault("bad_format")
                break
            field_holds(said, check, part, taken[0])
            left = left[taken.end() :]
        said.fault("bad_format", left != "")
        if part in ("di", "lot", "serial"):
            said.say(part, data)
    said.fault("bad_format", not goes_together(found))


def gs1(said, text, brackets):
    elements(said, split_brackets(text) if brackets else split_separators(text))
    said.fault("bad_format", set(said.parts.get("di", "")) == {"0"})


def gtin(said, text):
    said.fault("bad_check_digit", not mod10(text))
    said.fault("bad_format", set(text) == {"0"})
    said.say("di", text.zfill(14))


# --- HIBCC ---

LOT = "[-.0-9A-Z]{0,18}"
SECONDARY = re.compile(rf"""
      \$ (?P<only_serial>\+)? (?P<only>(?!\$)[-.0-9A-Z]{{1,18}})
    | \$\$ (?P<serial>\+)? (?: 8[0-9]{{2}} | 9[0-9]{{5}} )?
      (?: (?P<my>[01][0-9]{{3}}) | 2(?P<mdy>[0-9]{{6}}) | 3(?P<ymd>[0-9]{{6}}) | 4(?P<ymdh>[0-9]{{8}})
        | 5(?P<yj>[0-9]{{5}}) | 6(?P<yjh>[0-9]{{7}}) | 7 )
      (?P<dated>{LOT})
    | (?P<plain>[0-9]{{5}}) (?P<lot>{LOT})
""", re.VERBOSE)  # fmt: skip


def numbers(text, *widths):
    found = []
    for width in widths:
        found.append(int(text[:width]))
        text = text[width:]
    return found


def secondary(said, text):
    found = SECONDARY.fullmatch(text)
    if not found:
        said.fault("bad_format")
        return
    said.say("serial" if found["only_serial"] else "lot", found["only"] or "")
    said.say("serial" if found["serial"] else "lot", found["dated"] or "")
    said.say("lot", found["lot"] or "")
    if found["my"]:
        month, year = numbers(found["my"], 2, 2)
        said.day("expiry", said.year(year), month, 0, open_ended=True)
    elif found["mdy"]:
        month, day, year = numbers(found["mdy"], 2, 2, 2)
        said.day("expiry", said.year(year), month, day)
    elif found["ymd"] or found["ymdh"]:
        year, month, day = numbers(found["ymd"] or found["ymdh"], 2, 2, 2)
        said.day("expiry", said.year(year), month, day)
    elif found["yj"] or found["yjh"] or found["plain"]:
        year, day = numbers(found["yj"] or found["yjh"] or found["plain"], 2, 3)
        said.ordinal("expiry", said.year(year), day)
    for hours in (found["ymdh"], found["yjh"]):
        said.clock(hours[-2:] if hours else 0)


def section(said, text):
    if re.match("1[46]D", text):
        said.fault("bad_format", not re.fullmatch("1[46]D[0-9]{8}", text))
        if re.fullmatch("1[46]D[0-9]{8}", text):
            said.day("expiry" if text[1] == "4" else "manufactured", *numbers(text[3:], 4, 2, 2))
    elif text.startswith("S"):
        said.fault("bad_format", not re.fullmatch(f"S(?=.){LOT}", text))
        said.say("serial", text[1:])
    elif text.startswith("Q"):
        said.fault("bad_format", not re.fullmatch("Q[0-9]{1,9}", text))
    else:
        secondary(said, text)


def mod43(said, text):
    if any(c not in CODE39 for c in text):
        said.fault("bad_format")
    else:
        total = sum(CODE39.index(c) for c in text[:-1])
        said.fault("bad_check_digit", CODE39[total % 43] != text[-1])


PRIMARY = "(?P<di>[A-Z][0-9A-Z]{3}[0-9A-Z]{1,18}[0-9])"
ANY = r"[-. $/+%0-9A-Z]"
ALONE = re.compile(rf"\+{PRIMARY}{ANY}")
JOINED = re.compile(rf"\+{PRIMARY}/(?P<sections>.+){ANY}", re.DOTALL)
LINKED = re.compile(rf"(?P<one>\+{PRIMARY}(?P<check>{ANY}))(?P<two>\+(?P<sections>.+)(?P<link>{ANY}){ANY})", re.DOTALL)


def hibcc(said, text):
    if found := ALONE.fullmatch(text):
        mod43(said, text)
    elif found := LINKED.fullmatch(text):
        first, *others = found["sections"].split("/")
        secondary(said, first)
        for other in others:
            section(said, other)
        mod43(said, found["one"])
        mod43(said, found["two"])
        said.fault("bad_check_digit", found["link"] != found["check"])
    elif found := JOINED.fullmatch(text):
        for other in found["sections"].split("/"):
            section(said, other)
        mod43(said, text)
    else:
        said.fault("bad_format")
        return
    said.say("di", found["di"])


# --- ICCBBA ---

TEXTS = {"=/": ("di", "[0-9A-NP-Z]{5}[0-9A-Z]{11}"), "=,": ("serial", "[0-9A-Z]{6}"), "&,1": ("lot", "[0-9A-Z]{18}")}
DAYS = {"=>": "expiry", "=}": "manufactured", "=*": None}
TIMES = {"&>": "expiry", "&}": "manufactured", "&*": None}
OTHERS = {
    "&,2": 18, "&,4": 40, "=<": 8, "=%": 4, "&(": 5, "=)": 10, "&)": 10, "=;": 21, "='": 11, "=-": 10, "&-": 10,
    "=$": 16, "&+": 11, "&:": 19, "&/": 15,
}  # fmt: skip
ALNUM = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"


def donation(said, text):
    flags = text[13:]
    if flags.isdigit() and int(flags) >= 60:
        total = 0
        for c in text[:13]:
            total = (total + ALNUM.index(c)) * 2 % 37
        said.fault("bad_check_digit", int(flags) - 60 != (38 - total) % 37)
    said.say("donation", text[:13])


def isbt_day(said, part, text):
    century, year, day = numbers(text, 1, 2, 3)
    told = date(CENTURY[century] + year, 1, 1) + timedelta(day - 1)
    said.fault("bad_date", told.year != CENTURY[century] + year)
    if part and told.year == CENTURY[century] + year:
        said.say(part, told)


def structure(said, text):
    """Reads the first structure of a text, and gives the rest; None where there is none."""
    if found := re.match("=([1-9A-NP-Z][0-9A-NP-Z]{2}[0-9]{10}[0-9A-Z]{2})", text):
        donation(said, found[1])
        return text[found.end() :]
    for names, form in ((DAYS, "[0-9]{6}"), (TIMES, "[0-9]{10}")):
        for name, part in names.items():
            if found := re.match(f"{re.escape(name)}({form})", text):
                isbt_day(said, part, found[1][:6])
                said.clock(*numbers(found[1][6:], 2, 2)) if found[1][6:] else None
                return text[found.end() :]
    for name, (part, form) in TEXTS.items():
        if found := re.match(f"{re.escape(name)}({form})", text):
            said.say(part, found[1])
            return text[found.end() :]
    for name, length in OTHERS.items():
        if found := re.match(f"{re.escape(name)}[0-9A-Za-z]{{{length}}}", text):
            return text[found.end() :]
    return None


def iccbba(said, text):
    message = re.match("=[+]([0-9]{2})[0-9]{3}", text)
    rest, count = (text[7:] if message else text), 0
    while rest:
        rest, count = structure(said, rest), count + 1
        if rest is None:
            said.fault("bad_format")
            return
    said.fault("bad_format", message is not None and int(message[1]) != count)


# --- all of them ---


def read(text, reference=2026):
    """A word, and the parts where it is "passed"."""
    said = Said(reference)
    elements_only = text.startswith(("]C1", "]d2", "]Q3", "]e0", "]J1"))
    scanned = re.match(r"\][A-Za-z][0-9A-Za-z]", text) is not None
    text = text[3:] if scanned else text
    if elements_only or (not scanned and text.startswith(GS)):
        gs1(said, text.removeprefix(GS), brackets=False)
    elif re.fullmatch("[0-9]{8}|[0-9]{12,14}", text):
        gtin(said, text)
    elif not scanned and re.match("[0-9(]", text):
        gs1(said, text, brackets=text.startswith("("))
    elif text.startswith("+"):
        hibcc(said, text)
    elif text.startswith("*+"):
        # In a caption a blank that is a check character is written as an underscore.
        body = text[1:-1]
        said.fault("bad_format", not text.endswith("*"))
        hibcc(said, underscores(body))
    elif text.startswith(("=", "&")):
        iccbba(said, text)
    else:
        return "unknown_issuer", {}
    said.fault("bad_format", "di" not in said.parts)
    return said.word, said.parts if said.word == "passed" else {}


def underscores(body):
    """A caption with the underscores that stand for check and link characters as blanks."""
    if body.endswith("_"):
        body = f"{body[:-1]} "
    found = re.fullmatch(r"(\+[0-9A-Z]+)_(\+.+)", body, re.DOTALL)
    if found:
        body = f"{found[1]} {found[2]}"
    if body.count("+") > 1 and body[-2:-1] == "_":
        body = f"{body[:-2]} {body[-1]}"
    return body
