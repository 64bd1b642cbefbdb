"""What each identifier scheme means, in plain Python, one value at a time: slow, obvious, written apart from the rule."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits

ALNUM = digits + ascii_uppercase
CODE39 = ALNUM + "-. $/+%"
CSET82 = "!\"%&'()*+,-./0123456789:;<=>?" + ascii_uppercase + "_" + ascii_lowercase


def always(text: str) -> bool:
    return True


def never(text: str) -> bool:
    return False


def constant(text: str) -> bool:
    return len(text) > 1 and len(set(text)) == 1


@dataclass
class Meaning:
    characters: str
    lengths: range | set[int]
    form: Callable[[str], object]
    check: Callable[[str], object] = always
    reserved: Callable[[str], object] = never
    separators: str = ""
    upper: bool = False
    filled: int = 0

    def reads(self, text: str) -> str:
        for separator in self.separators:
            text = text.replace(separator, "")
        return "".join(c.upper() if self.upper and c in ascii_lowercase else c for c in text)

    def __call__(self, text: str) -> str:
        text = self.reads(text)
        if any(c not in self.characters for c in text):
            return "bad_character"
        if len(text) not in self.lengths:
            return "bad_length"
        if not self.form(text):
            return "bad_format"
        if not self.check(text.rjust(self.filled, "0")):
            return "bad_check_digit"
        return "reserved" if self.reserved(text) else "passed"

    def canonical(self, text: str) -> str | None:
        return self.reads(text).rjust(self.filled, "0") if self(text) == "passed" else None


# Check algorithms


def only_digits(text: str) -> list[int]:
    return [int(c) for c in text if c in digits]


def luhn(text: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(only_digits(text))):
        total += digit if place % 2 == 0 else sum(map(int, str(2 * digit)))
    return total % 10 == 0


def rotate(a: int, b: int) -> int:
    """The product of two elements of the dihedral group of the pentagon: 0-4 rotations, 5-9 reflections."""
    turns = (a + b if a < 5 else a - b) % 5
    return turns if (a < 5) == (b < 5) else turns + 5


def verhoeff(text: str) -> bool:
    first = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    total = 0
    for place, digit in enumerate(reversed(only_digits(text))):
        for _ in range(place % 8):
            digit = first[digit]
        total = rotate(total, digit)
    return total == 0


def gs1(text: str) -> bool:
    return sum(digit * (3 if place % 2 else 1) for place, digit in enumerate(reversed(only_digits(text)))) % 10 == 0


def wanted_mod11(text: str, *weights: int) -> int:
    """The check digit that the digits ask for; it may be 10."""
    return -sum(digit * weight for digit, weight in zip(only_digits(text), weights, strict=False)) % 11


def mod11(text: str) -> bool:
    values = [10 if c == "X" else int(c) for c in text]
    return sum(value * weight for weight, value in enumerate(reversed(values), 1)) % 11 == 0


def mod37_2_value(text: str) -> int:
    weighted = sum(ALNUM.index(c) * 2**place for place, c in enumerate(reversed(text), 1))
    return (38 - weighted % 37) % 37


def mod37_2(text: str) -> bool:
    return (ALNUM + "*").index(text[-1]) == mod37_2_value(text[:-1])


def mod43(text: str) -> bool:
    return sum(map(CODE39.index, text[:-1])) % 43 == CODE39.index(text[-1])


def mod97_10(text: str) -> bool:
    return int("".join(str(ALNUM.index(c)) for c in text)) % 97 == 1


def check_pair(text: str) -> bool:
    primes = [p for p in range(2, 84) if all(p % q for q in range(2, p))]
    total = sum(p * CSET82.index(c) for p, c in zip(primes, reversed(text[:-2]), strict=False)) % 1021
    pairs = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    return text[-2:] == pairs[total // 32] + pairs[total % 32]


# People


def is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def ssn_form(text: str) -> bool:
    area, group, serial = text[:3], text[3:5], text[5:]
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def cpr_form(text: str) -> bool:
    day, month, year, seventh = int(text[:2]), int(text[2:4]), int(text[4:6]), int(text[6])
    if seventh <= 3:
        year += 1900
    elif seventh in (4, 9):
        year += 2000 if year <= 36 else 1900
    else:
        year += 2000 if year <= 57 else 1800
    return is_date(year, month, day)


def fodselsnummer_form(text: str) -> bool:
    day, month, year, individual = int(text[:2]), int(text[2:4]), int(text[4:6]), int(text[6:9])
    day -= 40 if day > 40 else 0
    month -= 80 if month > 80 else 40 if month > 40 else 0
    centuries = [
        (1900, individual <= 499),
        (1800, 500 <= individual <= 749 and year >= 54),
        (2000, individual >= 500 and year <= 39),
        (1900, individual >= 900 and year >= 40),
    ]
    return any(holds and is_date(century + year, month, day) for century, holds in centuries)


def fodselsnummer_check(text: str) -> bool:
    first = wanted_mod11(text[:9], 3, 7, 6, 1, 8, 9, 4, 5, 2)
    second = wanted_mod11(text[:10], 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    return [first, second] == only_digits(text[9:])


def cpf_check(text: str) -> bool:
    first = wanted_mod11(text[:9], *range(10, 1, -1)) % 10
    second = wanted_mod11(text[:10], *range(11, 1, -1)) % 10
    return [first, second] == only_digits(text[9:])


def personnummer_form(text: str) -> bool:
    if not re.fullmatch(r"([0-9]{2})?[0-9]{6}\+?[0-9]{4}", text):
        return False
    dated = text[:-4].rstrip("+")
    # 2000 was a leap year, so that a 29 February of no known century is given the benefit.
    year = int(dated[:4]) if len(dated) == 8 else 2000 + int(dated[:2])
    month, day = int(dated[-4:-2]), int(dated[-2:])
    return year > 0 and is_date(year, month, day - 60 if day > 60 else day)


def kvnr_check(text: str) -> bool:
    numbers = [int(c) for c in f"{ascii_uppercase.index(text[0]) + 1:02}{text[1:9]}"]
    products = [number * (1 + place % 2) for place, number in enumerate(numbers)]
    return sum(sum(map(int, str(product))) for product in products) % 10 == int(text[9])


def nir_form(text: str) -> bool:
    month = text[3:5]
    return bool(re.fullmatch(r"[123478]\d\d\d\d(\d\d|2A|2B)\d{8}", text)) and month not in (
        "00", "13", "14", "15", "16", "17", "18", "19",
    )  # fmt: skip


def nir_check(text: str) -> bool:
    number = int(text[:13].replace("2A", "19").replace("2B", "18"))
    return 97 - number % 97 == int(text[13:])


def medicare_check(text: str) -> bool:
    weights = (1, 3, 7, 9, 1, 3, 7, 9)
    return sum(digit * weight for digit, weight in zip(only_digits(text), weights, strict=False)) % 10 == int(text[8])


def bsn_check(text: str) -> bool:
    values = only_digits(text)
    return (sum(v * w for v, w in zip(values, range(9, 1, -1), strict=False)) - values[8]) % 11 == 0


# Codes, devices, objects

LOINC_AS_RELEASED = {
    "11491-6", "11501-6", "5895-7", "5896-5", "5897-3", "5928-1", "6028-3", "6415-5", "6580-7", "6645-7", "6646-5",
    "6647-3", "6648-1", "6649-9",
}  # fmt: skip


def sctid_form(text: str) -> bool:
    partition = text[-3:-1]
    long_enough = len(text) >= 11 or partition[0] == "0"
    return text[0] != "0" and partition in ("00", "01", "02", "10", "11", "12") and long_enough


def hibc_form(text: str) -> bool:
    body = text[1:-1]
    if text[0] != "+" or len(body) < 2:
        return False
    if body[0] == "$" or re.match(r"[0-9]{5}.", body):
        return True
    primary, *sections = body.split("/")
    return all(sections) and bool(re.fullmatch(r"[A-Z][0-9A-Z]{3}[0-9A-Z]{1,18}[0-9]", primary))


def din_form(text: str) -> bool:
    return bool(re.fullmatch(r"[A-NP-Z1-9][0-9A-NP-Z]{2}[0-9]{10}([0-9A-Z*]|[0-9]{2})?", text))


def din_check(text: str) -> bool:
    value, rest = mod37_2_value(text[:13]), text[13:]
    if len(rest) == 2:
        return int(rest) < 60 or int(rest) == 60 + value
    return not rest or rest == (ALNUM + "*")[value]


BASIC_UDI_DI = {
    "hibcc": r"\+\+[A-Z][0-9A-Z]{3}[0-9A-Z]{1,17}[0-9A-Z]{2}",
    "ifa": r"PP[0-9]{5}[0-9A-Z.]{1,16}[0-9]{2}",
    "gs1": r"[0-9]{4}.*[0-9A-Z]{2}",
    "iccbba": r"[A-Z][0-9A-Z]{15}[0-9]{2}",
}


def issuer(text: str) -> str:
    if text.startswith("++") and len(text) >= 9:
        return "hibcc"
    if text.startswith("PP") and len(text) >= 10:
        return "ifa"
    return "gs1" if text[0] in digits else "iccbba"


def basic_udi_di_form(text: str) -> bool:
    return bool(re.fullmatch(BASIC_UDI_DI[issuer(text)], text))


def basic_udi_di_check(text: str) -> bool:
    if issuer(text) == "iccbba":
        return int(text[16:]) == mod37_2_value(text[:16])
    if issuer(text) == "ifa":
        return int(text[-2:]) == sum(weight * ord(c) for weight, c in enumerate(text[:-2], 2)) % 97
    return check_pair(text)


def dotted(text: str) -> bool:
    return all(part.isdigit() and (part == "0" or part[0] != "0") for part in text.split("."))


def oid_form(text: str) -> bool:
    return bool(re.fullmatch(r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+", text))


def uuid_form(text: str) -> bool:
    return bool(re.fullmatch("urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text))


class DicomUid(Meaning):
    def reads(self, text: str) -> str:
        return text.removesuffix("\0")


def starts(*prefixes: str) -> Callable[[str], bool]:
    return lambda text: text.startswith(prefixes)


MEANINGS = {
    "nhs_number": Meaning(
        digits, {10}, always,
        lambda text: wanted_mod11(text[:9], 10, 9, 8, 7, 6, 5, 4, 3, 2) == int(text[9]),
        lambda text: constant(text) or text.startswith("999"), " -",
    ),
    "npi": Meaning(digits, {10}, starts("1", "2"), lambda text: luhn("80840" + text), constant, " -"),
    "ssn": Meaning(
        digits, {9}, ssn_form, always,
        lambda text: constant(text) or text in ("078051120", "457555462", "219099999"), " -",
    ),
    "medicare_au": Meaning(digits, {10, 11}, starts("2", "3", "4", "5", "6"), medicare_check, constant, " -"),
    "ihi": Meaning(digits, {16}, starts("800360"), luhn, never, " -"),
    "hpi_i": Meaning(digits, {16}, starts("800361"), luhn, never, " -"),
    "hpi_o": Meaning(digits, {16}, starts("800362"), luhn, never, " -"),
    "ontario_hcn": Meaning(
        ALNUM, {10, 11, 12}, lambda text: re.fullmatch("[0-9]{10}[A-Z]{0,2}", text), luhn, constant, " -", upper=True
    ),
    "bc_phn": Meaning(
        digits, {10}, starts("9"),
        lambda text: wanted_mod11(text[1:9], 2, 4, 8, 5, 10, 9, 7, 3) == int(text[9]), constant, " -",
    ),
    "bsn": Meaning(digits, {8, 9}, always, bsn_check, constant, " -.", filled=9),
    "cpf": Meaning(digits, {11}, always, cpf_check, constant, " -."),
    "cpr": Meaning(digits, {10}, cpr_form, always, constant, " -"),
    "fodselsnummer": Meaning(
        digits, {11}, fodselsnummer_form, fodselsnummer_check, lambda text: constant(text) or text[2] in "89", " -:"
    ),
    "personnummer": Meaning(
        digits + "+", range(10, 14), personnummer_form, lambda text: luhn(text.replace("+", "")[-10:]), constant, " -:"
    ),
    "kvnr": Meaning(ALNUM, {10}, lambda text: re.fullmatch("[A-Z][0-9]{9}", text), kvnr_check, never, " ", upper=True),
    "nir": Meaning(digits + "AB", {15}, nir_form, nir_check, never, " .", upper=True),
    "aadhaar": Meaning(
        digits, {12}, lambda text: text[0] not in "01" and text != text[::-1], verhoeff, never, " -"
    ),
    "loinc": Meaning(
        digits + "-", range(3, 10), lambda text: re.fullmatch("[1-9][0-9]{0,6}-[0-9]", text),
        lambda text: text in LOINC_AS_RELEASED or luhn(text),
    ),
    "sctid": Meaning(digits, range(6, 19), sctid_form, verhoeff),
    "gtin": Meaning(digits, {8, 12, 13, 14}, always, gs1, constant, " -", filled=14),
    "sscc": Meaning(digits, {18}, always, gs1, constant, " -"),
    "gln": Meaning(digits, {13}, always, gs1, constant, " -"),
    "hibc": Meaning(CODE39, range(4, 129), hibc_form, mod43),
    "isbt128_din": Meaning(ALNUM + "*", {13, 14, 15}, din_form, din_check, never, " "),
    "basic_udi_di": Meaning(CSET82, range(7, 26), basic_udi_di_form, basic_udi_di_check),
    "dicom_uid": DicomUid(digits + ".", range(1, 65), dotted),
    "fhir_id": Meaning(ascii_letters + digits + "-.", range(1, 65), always),
    "oid": Meaning(digits + ".:urnoid", range(11, 129), oid_form),
    "uuid": Meaning(
        digits + "abcdef:-urnid", {45}, uuid_form, always, lambda text: len(set(text[9:].replace("-", ""))) == 1
        and text[9] in "0f",
    ),
    "luhn": Meaning(digits, range(2, 129), always, luhn, constant),
    "verhoeff": Meaning(digits, range(2, 129), always, verhoeff, constant),
    "mod11": Meaning(digits + "X", range(2, 129), lambda text: "X" not in text[:-1], mod11, constant),
    "mod37_2": Meaning(ALNUM + "*", range(2, 129), lambda text: "*" not in text[:-1], mod37_2, constant),
    "mod43": Meaning(CODE39, range(2, 129), always, mod43, constant),
    "mod97_10": Meaning(
        ALNUM, range(3, 129), lambda text: text[-2] in digits and text[-1] in digits, mod97_10, constant
    ),
}  # fmt: skip
