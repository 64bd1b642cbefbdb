"""Hand-written polars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from benchmarks import data, suites
from benchmarks.compare.job import Job, Maker, Task, marked


def frame(task: Task) -> pl.DataFrame:
    """The table as polars holds it: texts as views of its own, in one chunk; categories are plain texts."""
    made = pl.from_arrow(task.table, rechunk=True)
    assert isinstance(made, pl.DataFrame)
    return made.with_columns(pl.col(pl.Categorical).cast(pl.String)).rechunk()


def common(task: Task) -> Job:
    """Rows of each check in one query; repeated keys in a second one that runs beside it (polars' quickest exact way)."""
    held = frame(task)
    registered = pl.Series(data.patients(task.registry)).implode()
    col = pl.col
    checks = [col(name).is_null() for name in suites.COMMON_NOT_NULL]
    checks += [
        ~col("value").is_between(suites.LOW, suites.HIGH),
        ~col("unit").is_in(data.SPELLINGS),
        ~col("status").is_in(data.STATUSES),
        ~col("accession").str.contains(f"^{suites.ACCESSION}$"),
        *(col(early) > col(late) for early, late in suites.ORDERS),
        ~col("patient_id").is_in(registered),
    ]
    names = [name for name in suites.COMMON_CHECKS if name != "unique key"]
    rows = held.lazy().select(check.arg_true().implode().alias(name) for name, check in zip(names, checks, strict=True))
    twice = unique_query(held.lazy())

    def run() -> dict[str, Any]:
        lists, key = pl.collect_all([rows, twice])
        columns = {name: lists[name][0] for name in names} | {"unique key": key["index"]}
        return {name: (len(column), column) for name, column in columns.items()}

    return Job(run, marked)


def failing(query: pl.LazyFrame, name: str) -> Job:
    """A query that gives rows as its only column."""

    def run() -> dict[str, Any]:
        rows = query.collect().to_series()
        return {name: (len(rows), rows)}

    return Job(run, marked)


def nhs_fails(text: pl.Expr) -> pl.Expr:
    """Mod 11 on the number that ten digits are; those that begin with 999, or are one digit repeated, are reserved."""
    number = text.cast(pl.Int64, strict=False)
    weighted = sum(number // 10**place % 10 * (place + 1) for place in range(10))
    good = text.str.contains(r"^[0-9]{10}$") & (weighted % 11 == 0) & (number < 9_990_000_000)
    return ~(good & (number % 1_111_111_111 != 0)).fill_null(False) & text.is_not_null()


def nhs(task: Task) -> Job:
    return failing(frame(task).lazy().select(nhs_fails(pl.col("patient_id")).arg_true()), "identifier")


def match(task: Task) -> Job:
    registered = pl.Series(data.patients(task.registry)).implode()
    return failing(frame(task).lazy().select((~pl.col("patient_id").is_in(registered)).arg_true()), "registry")


class Registered:
    """A registry of ten-digit keys that is asked, by number, for every edit of a text that leads to such a key."""

    def __init__(self, registry: int) -> None:
        keys = pl.Series(data.patients(registry))
        self.keys = keys.implode()
        self.numbers = keys.cast(pl.Int64).implode()

    def reasons(self, texts: pl.Series) -> pl.DataFrame:
        """`text` (distinct texts that are not keys) and `keys`: how many keys are within one edit."""
        distinct = texts.unique()
        parts = [
            self._near(distinct.filter(distinct.str.len_bytes() == length), edits)
            for length, edits in ((9, inserted), (10, exchanged), (11, deleted))
        ]
        counts = pl.concat(parts).group_by("text").agg(pl.col("number").n_unique().alias("keys"))
        return distinct.to_frame("text").join(counts, on="text", how="left").fill_null(0)

    def _near(self, texts: pl.Series, edits: Any) -> pl.DataFrame:
        digits = text_cells(texts) - 48
        # What is no digit makes a number that no key is.
        candidates = edits(np.where((digits < 0) | (digits > 9), 10**11, digits))
        flat = pl.DataFrame({"number": candidates.ravel(), "at": np.repeat(np.arange(len(texts)), candidates.shape[1])})
        hits = flat.filter(pl.col("number").is_in(self.numbers))
        return hits.select(texts.gather(hits["at"]).alias("text"), "number")


POWERS = 10 ** np.arange(9, -1, -1, dtype=np.int64)


def text_cells(texts: pl.Series) -> Any:
    """Texts of one length as a matrix of bytes."""
    held = texts.to_arrow().cast(pa.large_string())
    width = len(texts[0]) if len(texts) else 0
    first = np.frombuffer(held.buffers()[1], np.int64)[held.offset]
    cells = np.frombuffer(held.buffers()[2], np.uint8) if len(texts) else np.empty(0, np.uint8)
    return cells[first : first + len(texts) * width].reshape(len(texts), width).astype(np.int64)


def exchanged(digits: Any) -> Any:
    """Ten digits: each place with each digit, and each two neighbours swapped."""
    number = digits @ POWERS
    places = [number + (digit - digits[:, place]) * POWERS[place] for place in range(10) for digit in range(10)]
    step = digits[:, 1:] - digits[:, :-1]
    swaps = [number + step[:, place] * (POWERS[place] - POWERS[place + 1]) for place in range(9)]
    return np.stack([*places, *swaps], axis=1)


def deleted(digits: Any) -> Any:
    """Eleven digits, each left out."""
    return np.stack([np.delete(digits, place, axis=1) @ POWERS for place in range(11)], axis=1)


def inserted(digits: Any) -> Any:
    """Nine digits with each digit put in at each place."""
    made = []
    for place in range(10):
        rest = digits[:, :place] @ POWERS[:place] + digits[:, place:] @ POWERS[place + 1 :]
        made += [rest + digit * POWERS[place] for digit in range(10)]
    return np.stack(made, axis=1)


def fuzzy(task: Task) -> Job:
    held, registered = frame(task).with_row_index(), Registered(task.registry)
    return Job(lambda: fuzzy_rows(held, registered), marked)


def fuzzy_rows(held: pl.DataFrame, registered: Registered) -> dict[str, Any]:
    missed = held.lazy().select("index", "patient_id").filter(~pl.col("patient_id").is_in(registered.keys)).collect()
    near = missed.join(registered.reasons(missed["patient_id"]), left_on="patient_id", right_on="text", how="left")
    keys = pl.col("keys")
    kinds = {"not_found": keys == 0, "near_match": keys == 1, "ambiguous": keys > 1}
    found = {name: near.filter(kind)["index"] for name, kind in kinds.items()}
    return {name: (len(rows), rows) for name, rows in found.items()}


def converted(held: pl.LazyFrame, factors: pl.LazyFrame, on: list[str]) -> pl.LazyFrame:
    """Values times the factor of their unit: `index` of what fails, and `written`."""
    known = pl.all_horizontal(pl.col(name).is_not_null() for name in ("value", *on) if name != "unit")
    joined = held.join(factors, on=on, how="left", maintain_order="left")
    return joined.select(
        (known & pl.col("factor").is_null()).arg_true().implode().alias("rows"),
        (pl.col("value") * pl.col("factor")).implode().alias("written"),
    )


def converting(query: pl.LazyFrame, name: str) -> Job:
    def run() -> dict[str, Any]:
        told = query.collect()
        rows = told["rows"][0]
        return {name: (len(rows), rows, told["written"][0])}

    return Job(run, marked)


def units(task: Task) -> Job:
    factors = pl.LazyFrame({"unit": list(suites.MASSES), "factor": list(suites.MASSES.values())})
    return converting(converted(frame(task).lazy(), factors, ["unit"]), "unit")


def analyte_factors() -> pl.LazyFrame:
    code, unit = zip(*data.PAIRS, strict=True)
    return pl.LazyFrame({"code": code, "unit": unit, "factor": [data.UNITS[one][other] for one, other in data.PAIRS]})


def units_analyte(task: Task) -> Job:
    return converting(converted(frame(task).lazy(), analyte_factors(), ["unit", "code"]), "unit")


HL7 = r"^[0-9]{8}([0-9]{4}([0-9]{2}([.][0-9]{3})?)?[+-][0-9]{4})?$"


def hl7_times(text: pl.Expr) -> pl.Expr:
    """Cut into parts that polars parses fast: its formats with a zone take seven times as long."""
    zoned = text.str.len_bytes() > 8
    stem = pl.when(zoned).then(text.str.head(-5)).otherwise(text)
    clock = stem.str.head(14).str.pad_end(14, "0")
    offset = pl.when(zoned).then(text.str.tail(5)).cast(pl.Int64, strict=False).fill_null(0)
    east = offset.sign() * (offset.abs() // 100 * 60 + offset.abs() % 100)
    naive = clock.str.to_datetime("%Y%m%d%H%M%S", strict=False, time_unit="us")
    milli = stem.str.slice(15, 3).cast(pl.Int64, strict=False).fill_null(0)
    return pl.when(text.str.contains(HL7)).then(naive + pl.duration(minutes=-east, milliseconds=milli))


def iso8601_times(text: pl.Expr) -> pl.Expr:
    return text.str.to_datetime("%+", strict=False, time_unit="us")


def timestamps(held: pl.LazyFrame, name: str, times: Callable[[pl.Expr], pl.Expr]) -> pl.LazyFrame:
    """In two steps, or the times would be made once for each of their uses."""
    text = pl.col(name)
    time = times(text).alias("written")
    bad = (pl.col("written").is_null() & text.is_not_null()).arg_true()
    return held.select(text, time).select(bad.implode().alias("rows"), pl.col("written").implode())


def hl7(task: Task) -> Job:
    return converting(timestamps(frame(task).lazy(), "sent_hl7", hl7_times), "timestamp")


def iso8601(task: Task) -> Job:
    return converting(timestamps(frame(task).lazy(), "sent_iso", iso8601_times), "timestamp")


def clock_query(held: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of devices whose least delays, hour by hour, lie on a line that is off or steep; by least squares."""
    both = held.filter(pl.col("stored_at").is_not_null() & pl.col("resulted_at").is_not_null())
    x = (pl.col("stored_at").dt.epoch("us") - data.START) / data.SECOND
    delay = (pl.col("stored_at") - pl.col("resulted_at")).dt.total_microseconds() / data.SECOND
    hours = both.group_by("device_id", (x // 3600).alias("x")).agg(delay.min().alias("least"), pl.len())
    hours = hours.filter(pl.col("len") >= 5)
    x, y = pl.col("x") * 3600, pl.col("least")
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    lines = hours.group_by("device_id").agg(slope.alias("slope"), y.median().alias("offset"))
    off = (pl.col("offset").abs() > suites.TOLERANCE_S) | (pl.col("slope").abs() * 1e6 > suites.MAX_DRIFT_PPM)
    rows = held.with_row_index().filter(pl.col("stored_at").is_not_null() & pl.col("resulted_at").is_not_null())
    return rows.join(lines.filter(off), on="device_id", how="semi", nulls_equal=True).select("index")


def clock(task: Task) -> Job:
    return failing(clock_query(frame(task).lazy()), "clock")


def unique_query(held: pl.LazyFrame) -> pl.LazyFrame:
    keyed = held.select(suites.KEY).with_row_index().drop_nulls(suites.KEY)
    repeated = keyed.group_by(suites.KEY).len().filter(pl.col("len") > 1)
    return keyed.join(repeated, on=suites.KEY, how="semi").select("index")


def unique(task: Task) -> Job:
    return failing(unique_query(frame(task).lazy()), "unique key")


def near_query(held: pl.LazyFrame) -> pl.LazyFrame:
    """Only keys that come twice are sorted; then each row against the one before."""
    key = ["patient_id", "code"]
    keyed = held.select(*key, "received_at").with_row_index().drop_nulls()
    ordered = keyed.filter(pl.struct(key).is_duplicated()).sort(*key, "received_at", "index")
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in key)
    return ordered.filter(same & (pl.col("received_at").diff() <= pl.duration(minutes=5))).select("index")


def near(task: Task) -> Job:
    return failing(near_query(frame(task).lazy()), "near duplicate")


def clinical(task: Task) -> Job:
    """Each part as its own kernel is written, all queries collected at once; the fuzzy match runs beside."""
    held, registered = frame(task).with_row_index(), Registered(task.registry)
    lazy = held.lazy()
    times = ("collected_at", "received_at", "stored_at")
    # Each time against the next one that is not null.
    first, middle, last = (pl.col(name) for name in times)
    order = (first > middle) | (middle > last) | (middle.is_null() & (first > last))
    queries = {
        "identifier": lazy.select(nhs_fails(pl.col("patient_id")).arg_true()),
        "order": lazy.select(order.fill_null(False).arg_true()),
        "clock": clock_query(lazy.drop("index")),
        "near duplicate": near_query(lazy.drop("index")),
        "unit": converted(lazy, analyte_factors(), ["unit", "code"]),
        "timestamp": timestamps(lazy, "sent_hl7", hl7_times),
    }

    def run() -> dict[str, Any]:
        told = dict(zip(queries, pl.collect_all(list(queries.values())), strict=True))
        made: dict[str, Any] = {}
        for name, frame in told.items():
            rows = frame["rows"][0] if "rows" in frame.columns else frame.to_series()
            made[name] = (len(rows), rows, *([frame["written"][0]] if "written" in frame.columns else []))
        return made | fuzzy_rows(held, registered)

    return Job(run, marked)


JOBS: dict[str, Maker] = {
    "common": common, "nhs": nhs, "match50k": match, "match500k": match, "fuzzy50k": fuzzy, "fuzzy1m": fuzzy,
    "units": units, "units_analyte": units_analyte, "hl7": hl7, "iso8601": iso8601, "clock": clock,
    "unique": unique, "near": near, "clinical": clinical,
}  # fmt: skip
