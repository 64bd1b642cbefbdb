"""The identifier schemes that are shipped, a row each: adding one is adding a row.

`rule` says in a line what is checked; `source` names the standard or the issuer's document; `example` is a value that
passes. Separators are those that are usual in print. Where a scheme takes letters in either case, `into` has capitals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .scheme import Scheme


@dataclass(frozen=True)
class KnownScheme:
    """A shipped scheme: `country` is that of ISO 3166-1, or None where it is used everywhere."""

    name: str
    country: str | None
    rule: str
    source: str
    example: str
    scheme: Scheme


LOINC_WITHOUT_CHECK = (
    "11491-6", "11501-6", "5895-7", "5896-5", "5897-3", "5928-1", "6028-3", "6415-5", "6580-7", "6645-7", "6646-5",
    "6647-3", "6648-1", "6649-9",
)  # fmt: skip
"""Deprecated LOINC codes whose check digit was never right: they were released so."""

CODE39 = r"[0-9A-Z\-. $/+%]"
CSET82 = r"""[!"%&'()*+,\-./0-9:;<=>?A-Z_a-z]"""

SCHEMES: Mapping[str, KnownScheme] = MappingProxyType({known.name: known for known in (
    # People
    KnownScheme(
        "nhs_number", "GB", "10 digits; mod 11 with weights 10 to 2, never 10; not 999…",
        "NHS Data Dictionary, NHS Number; NHS Digital, test patients 999", "943 476 5919",
        Scheme(r"\d{10}", check="mod11", weights=(10, 9, 8, 7, 6, 5, 4, 3, 2), separators=" -", constants=True,
               reserved=("999*",)),
    ),
    KnownScheme(
        "ssn", "US", "9 digits; area not 000, 666 or 9xx, group not 00, serial not 0000; not an advertised number",
        "Social Security Administration, SSN randomization (2011) and advertised numbers", "536-90-4399",
        Scheme(r"\d{9}", separators=" -", constants=True, impossible=("000*", "666*", "9*", "???00*", "?????0000"),
               reserved=("078051120", "457555462", "219099999")),
    ),
    KnownScheme(
        "medicare_au", "AU", "8 digits (first 2 to 6), check digit (weights 1, 3, 7, 9, mod 10), issue number, "
        "with or without the person's reference number",
        "Services Australia, Medicare card number; METeOR 270101", "2123 45670 1",
        Scheme(r"[2-6]\d{9,10}", check="weighted", weights=(1, 3, 7, 9, 1, 3, 7, 9, -1), modulus=10, over=9,
               separators=" -", constants=True),
    ),
    KnownScheme(
        "ihi", "AU", "16 digits from 800360; Luhn", "AS 5017; Healthcare Identifiers Act 2010", "8003 6081 6669 0503",
        Scheme(r"800360\d{10}", check="luhn", separators=" -"),
    ),
    KnownScheme(
        "ontario_hcn", "CA", "10 digits, Luhn; with or without the version code of one or two letters",
        "Ontario Ministry of Health, Health Card validation", "9876 543 217",
        Scheme(r"\d{10}[A-Z]{0,2}", check="luhn", separators=" -", case="upper", constants=True),
    ),
    KnownScheme(
        "bc_phn", "CA", "10 digits from 9; mod 11 with weights 2, 4, 8, 5, 10, 9, 7, 3 from the second digit",
        "BC Ministry of Health, conformance standards volume 4B", "9698 658 215",
        Scheme(r"9\d{9}", check="mod11", weights=(0, 2, 4, 8, 5, 10, 9, 7, 3), separators=" -", constants=True),
    ),
    KnownScheme(
        "bsn", "NL", "9 digits, or 8 and then a 0 in front; weights 9 to 2 and -1, mod 11",
        "Logisch Ontwerp BSN; Besluit BSN (2007)", "1112.22.333",
        Scheme(r"\d{8,9}", check="mod11", weights=(9, 8, 7, 6, 5, 4, 3, 2, -1), over=9, pad=9, separators=" -.",
               constants=True),
    ),
    KnownScheme(
        "cpf", "BR", "11 digits; two check digits mod 11, 10 written 0; not one digit repeated",
        "Receita Federal, Cadastro de Pessoas Físicas", "390.533.447-05",
        Scheme(r"\d{11}", check="mod11", weights=(tuple(range(10, 1, -1)), tuple(range(11, 1, -1))), ten=0,
               separators=" -.", constants=True),
    ),
    KnownScheme(
        "cpr", "DK", "DDMMYYSSSS, a date of the century that the seventh digit tells; no check digit since 2007",
        "CPR-kontoret, Personnummeret i CPR (2008)", "211062-5629",
        Scheme(r"\d{10}", structure="cpr_date", separators=" -", constants=True),
    ),
    KnownScheme(
        "fodselsnummer", "NO", "DDMMYYIIIKK, a date (D number: day + 40, H number: month + 40); two check digits "
        "mod 11; not a synthetic number (month + 80)",
        "Skatteetaten, Fødselsnummer and Tenor test data", "151086 95088",
        Scheme(r"\d{11}", check="mod11", structure="fodselsnummer_date", separators=" -:", constants=True,
               weights=((3, 7, 6, 1, 8, 9, 4, 5, 2), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)), reserved=("??[8-9]*",)),
    ),
    KnownScheme(
        "personnummer", "SE", "[YY]YYMMDDNNNN, `+` before NNNN from the age of 100; a date (coordination number: "
        "day + 60); Luhn over the last 10 digits",
        "Skatteverket, SKV 704 and SKV 707; Folkbokföringslagen 18 §", "880320-0016",
        Scheme(r"[0-9+]{10,13}", check="luhn", over=-10, structure="personnummer_date", separators=" -:",
               constants=True),
    ),
    KnownScheme(
        "kvnr", "DE", "a letter and 9 digits; the letter as two digits, weights 1 and 2, the products' digits mod 10",
        "§ 290 SGB V; GKV-Spitzenverband, Krankenversichertennummer", "A123456780",
        Scheme(r"[A-Z]\d{9}", check="kvnr", separators=" ", case="upper"),
    ),
    KnownScheme(
        "nir", "FR", "13 characters and a key of two digits, 97 less their remainder by 97; Corsica 2A as 19, 2B as 18",
        "INSEE, Numéro d'inscription au répertoire", "2 95 10 99 126 111 93",
        Scheme(r"[1-47-8]\d{5}[0-9AB]\d{8}", check="nir", separators=" .", case="upper",
               impossible=("???00*", "???1[3-9]*", "?????[0-1][A-B]*", "?????[3-9][A-B]*")),
    ),
    KnownScheme(
        "aadhaar", "IN", "12 digits from 2 to 9, not a palindrome; Verhoeff", "UIDAI, A UID Numbering Scheme (2010)",
        "2341 2341 2346",
        Scheme(r"[2-9]\d{11}", check="verhoeff", structure="not_palindrome", separators=" -"),
    ),
    # Providers and organisations
    KnownScheme(
        "npi", "US", "10 digits from 1 or 2; Luhn over 80840 and the digits",
        "CMS, NPI check digit calculation (2004); 45 CFR 162.406", "1234567893",
        Scheme(r"[12]\d{9}", check="luhn", prefix="80840", separators=" -", constants=True),
    ),
    KnownScheme(
        "hpi_i", "AU", "16 digits from 800361; Luhn", "AS 4846; Healthcare Identifiers Act 2010", "8003 6199 0001 5717",
        Scheme(r"800361\d{10}", check="luhn", separators=" -"),
    ),
    KnownScheme(
        "hpi_o", "AU", "16 digits from 800362; Luhn", "AS 4846; Healthcare Identifiers Act 2010", "8003 6212 3456 7892",
        Scheme(r"800362\d{10}", check="luhn", separators=" -"),
    ),
    # Codes
    KnownScheme(
        "loinc", None, "1 to 7 digits, a hyphen, a check digit; Luhn; 14 deprecated codes pass as released",
        "LOINC Users' Guide, Check digit", "2345-7",
        Scheme(r"[1-9]\d{0,6}-\d", check="luhn", accepted=LOINC_WITHOUT_CHECK),
    ),
    KnownScheme(
        "sctid", None, "6 to 18 digits, no leading 0; partition 00, 01, 02, or 10, 11, 12 after a namespace "
        "of 7 digits; Verhoeff",
        "SNOMED CT Release File Specifications, SCTID", "73211009",
        Scheme(r"[1-9]\d{2,14}[01][012]\d", check="verhoeff",
               impossible=tuple("?" * items + "1??" for items in range(3, 8))),
    ),
    # Devices and products
    KnownScheme(
        "gtin", None, "8, 12, 13 or 14 digits; mod 10 with weights 3, 1; `into` has 14 digits",
        "GS1 General Specifications 7.9.1", "00844588018923",
        Scheme(r"\d{8,14}", check="gs1", lengths=(8, 12, 13, 14), pad=14, separators=" -", constants=True),
    ),
    KnownScheme(
        "sscc", None, "18 digits; mod 10 with weights 3, 1", "GS1 General Specifications 7.9.1",
        "3 705956 8044515469 7",
        Scheme(r"\d{18}", check="gs1", separators=" -", constants=True),
    ),
    KnownScheme(
        "gln", None, "13 digits; mod 10 with weights 3, 1", "GS1 General Specifications 7.9.1", "1234567890128",
        Scheme(r"\d{13}", check="gs1", separators=" -", constants=True),
    ),
    KnownScheme(
        "hibc", None, "`+`, labeler, product, unit of measure (or secondary data), mod 43 over everything",
        "ANSI/HIBC 2.6 (Supplier Labeling Standard)", "+A123BJC5D6E71G",
        Scheme(rf"\+{CODE39}{{3,127}}", check="mod43", structure="hibc"),
    ),
    KnownScheme(
        "isbt128_din", None, "13 characters, alone, with the check character (mod 37-2), or with two flags "
        "(60 and more: a check)",
        "ICCBBA ST-001, data structure 001, appendix A", "G1234 17 654321 A",
        Scheme(r"[A-NP-Z1-9][0-9A-NP-Z]{2}\d{10}[0-9A-Z*]{0,2}", check="isbt128_din", structure="isbt128_din",
               separators=" "),
    ),
    KnownScheme(
        "basic_udi_di", None, "GS1 model number or HIBCC (check pair mod 1021), ICCBBA (mod 37-2) or IFA (mod 97)",
        "GS1 General Specifications 7.9.5; HIBC Basic UDI-DI; ICCBBA ST-017, appendix 1; IFA, PPN check digits",
        "A9990ABC123T048008",
        Scheme(rf"{CSET82}{{7,25}}", check="basic_udi_di", structure="basic_udi_di"),
    ),
    # Objects
    KnownScheme(
        "dicom_uid", None, "at most 64 characters: numbers without leading zeros, joined by dots; one NUL after them "
        "is padding",
        "DICOM PS3.5, section 9.1", "1.2.840.10008.1.2.1",
        Scheme(r"[0-9.]{1,64}", structure="dotted", nul_pad=True),
    ),
    KnownScheme(
        "fhir_id", None, "1 to 64 letters, digits, hyphens and dots", "HL7 FHIR R4, datatype id", "f001",
        Scheme(r"[A-Za-z0-9\-.]{1,64}"),
    ),
    KnownScheme(
        "oid", None, "`urn:oid:` and an OID from 0, 1 or 2, no leading zeros", "HL7 FHIR R4, datatype oid; RFC 3061",
        "urn:oid:2.16.840.1.113883.6.1",
        Scheme(r"urn:oid:[0-2]\.[0-9.]{1,118}", structure="urn_oid"),
    ),
    KnownScheme(
        "uuid", None, "`urn:uuid:` and a UUID in lower case, not the nil or the max one",
        "HL7 FHIR R4, datatype uuid; RFC 9562", "urn:uuid:87e11d66-c137-458a-9754-fe6c4e445a6d",
        Scheme(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
               reserved=tuple("urn:uuid:" + "-".join(digit * n for n in (8, 4, 4, 4, 12)) for digit in "0f")),
    ),
    # Plain checks
    KnownScheme(
        "luhn", None, "2 to 128 digits; Luhn", "ISO/IEC 7812-1, annex B", "78949",
        Scheme(r"\d{2,128}", check="luhn", constants=True),
    ),
    KnownScheme(
        "verhoeff", None, "2 to 128 digits; Verhoeff", "J. Verhoeff, Error Detecting Decimal Codes (1969)", "12340",
        Scheme(r"\d{2,128}", check="verhoeff", constants=True),
    ),
    KnownScheme(
        "mod11", None, "digits and a check digit or X; weights 2, 3, 4… from the right, mod 11", "ISO 2108 (ISBN-10)",
        "080442957X",
        Scheme(r"\d{1,127}[0-9X]", check="mod11", constants=True),
    ),
    KnownScheme(
        "mod37_2", None, "capital letters and digits, the last may be `*`; mod 37-2", "ISO/IEC 7064", "G123498654321H",
        Scheme(r"[0-9A-Z]{1,127}[0-9A-Z*]", check="mod37_2", constants=True),
    ),
    KnownScheme(
        "mod43", None, "the 43 characters of Code 39; mod 43", "ISO/IEC 16388, annex A", "+A123BJC5D6E71G",
        Scheme(rf"{CODE39}{{2,128}}", check="mod43", constants=True),
    ),
    KnownScheme(
        "mod97_10", None, "capital letters (10 to 35) and digits, the last two digits; mod 97-10", "ISO/IEC 7064",
        "08686001256515001121751",
        Scheme(r"[0-9A-Z]{1,126}\d{2}", check="mod97_10", constants=True),
    ),
)})  # fmt: skip
