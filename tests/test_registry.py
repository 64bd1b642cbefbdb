"""Registry: a reference table; one from CSV is read as what rules ask of it."""

import json
import pickle
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest

import dqcore as dq
from dqcore.cli import main

DEVICES = "id;from;to\nA1;2026-01-01;2026-06-30\nB2;;2026-03-31\n"
PATIENTS = "mrn,born,weight,site\n007,1950-02-03,70.50,N\n7,1960-01-01,80,S\n"


def written(folder: Path, text: str, name: str = "registry.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def readings() -> pa.Table:
    at = [datetime(2026, 6, 30, 12, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC), datetime(2025, 12, 31, tzinfo=UTC)]
    return pa.table({"device": ["A1", "B2", "A1"], "at": pa.array(at, pa.timestamp("us", "UTC"))})


def people(**changes: pa.Array) -> pa.Table:
    born = pa.array([date(1950, 2, 3), date(1960, 1, 1), date(1960, 1, 2)])
    columns = {"mrn": pa.array(["007", "7", "7"]), "born": born, "kg": pa.array([70.5, 80.0, 80.0])}
    return pa.table(columns | changes)


VALID_AT = dq.ValidAt("device", at="at", registry="devices", registry_key="id", since="from", until="to")
MATCH = dq.Match("mrn", registry="patients", registry_key="mrn", agree={"born": "born", "kg": "weight"})


def reasons(report: dq.Report) -> list[tuple[int, str]]:
    found = report.failures()
    return list(zip(found["row"].to_pylist(), found["reason"].to_pylist(), strict=True))


def test_bounds_of_valid_at_from_csv_are_times(tmp_path: Path) -> None:
    path = written(tmp_path, DEVICES)
    for registry in (dq.Csv(path, delimiter=";"), dq.Registry(dq.Csv(path, delimiter=";"))):
        report = dq.RuleSet([VALID_AT]).validate(readings(), registries={"devices": registry})
        assert reasons(report) == [(1, "after_valid"), (2, "before_valid")]


def test_a_bound_without_a_value_is_open(tmp_path: Path) -> None:
    path = written(tmp_path, "id,from,to\nA1,,2026-06-30\nB2,,2026-03-31\n")
    report = dq.RuleSet([VALID_AT]).validate(readings(), registries={"devices": path})
    assert reasons(report) == [(1, "after_valid")]


def test_agree_from_csv_is_read_as_what_the_data_holds(tmp_path: Path) -> None:
    path = written(tmp_path, PATIENTS)
    report = dq.RuleSet([MATCH]).validate(people(), registries={"patients": path})
    assert reasons(report) == [(2, "disagrees:born")]


def test_agree_of_data_from_csv_is_read_as_what_the_registry_holds(tmp_path: Path) -> None:
    path = written(tmp_path, "mrn,born,kg\n007,1950-02-03,70.50\n7,19600102,80\n")
    registry = people().slice(0, 2).rename_columns(["mrn", "born", "weight"])
    report = dq.RuleSet([MATCH]).validate(path, registries={"patients": registry})
    assert reasons(report) == [(1, "disagrees:born")]


def test_agree_of_two_csv_files_compares_their_text(tmp_path: Path) -> None:
    data = written(tmp_path, "mrn,born,kg\n007,1950-02-03,70.50\n7,1960-01-01,80.0\n", "data.csv")
    report = dq.RuleSet([MATCH]).validate(data, registries={"patients": written(tmp_path, PATIENTS)})
    assert reasons(report) == [(1, "disagrees:kg")]


def test_a_date_that_a_rule_before_wrote_is_compared_as_a_time(tmp_path: Path) -> None:
    path = written(tmp_path, "mrn,seen\n007,2026-01-01T10:00:00Z\n")
    rules = dq.RuleSet(
        [
            dq.Timestamp("told", format="iso8601", into="seen"),
            dq.Match("mrn", registry="patients", registry_key="mrn", agree={"seen": "seen"}),
        ]
    )
    data = pa.table({"mrn": ["007", "007"], "told": ["2026-01-01T11:00:00+01:00", "2026-01-01T11:00:00Z"]})
    assert reasons(rules.validate(data, registries={"patients": path})) == [(1, "disagrees:seen")]


def test_keys_from_csv_stay_text_but_for_times(tmp_path: Path) -> None:
    path = written(tmp_path, PATIENTS)
    rule = dq.Match("mrn", "born", registry="patients", registry_key=["mrn", "born"])
    assert reasons(dq.RuleSet([rule]).validate(people(), registries={"patients": path})) == [(2, "not_found")]
    whole = people(mrn=pa.array([7, 7, 7]))
    with pytest.raises(dq.DataError, match="'mrn' holds int64 and 'mrn' of registry 'patients' holds string"):
        dq.RuleSet([rule]).validate(whole, registries={"patients": path})


def test_groups_that_a_csv_lists_are_read_as_the_data_holds_them(tmp_path: Path) -> None:
    path = written(tmp_path, "day\n2026-01-01\n2026-01-02\n")
    rules = dq.RuleSet([dq.RowCount(by="day", expect="days")])
    report = rules.validate(pa.table({"day": [date(2026, 1, 1)]}), registries={"days": path})
    assert reasons(report) == [(None, "silent")]


def test_house_codes_from_csv_stay_text(tmp_path: Path) -> None:
    path = written(tmp_path, "code,analyte\n007,2345-7\n")
    rules = dq.RuleSet([dq.Units("value", unit="unit", analyte="code", codes="codes")])
    data = pa.table({"value": [90.0, 90.0], "unit": ["mg/dL", "mg/dL"], "code": ["007", "7"]})
    assert reasons(rules.validate(data, registries={"codes": path})) == [(1, "unknown_analyte")]


def test_a_cell_of_a_registry_that_does_not_convert_is_named_without_its_value(tmp_path: Path) -> None:
    path = written(tmp_path, "id,from,to\nA1,,2026-06-30\nB2,,soon\n")
    with pytest.raises(dq.DataError, match="registry 'devices': column 'to', row 1") as caught:
        dq.RuleSet([VALID_AT]).validate(readings(), registries={"devices": path})
    assert "soon" not in str(caught.value)


def test_rules_that_read_a_registry_column_as_different_things_are_wrong(tmp_path: Path) -> None:
    path = written(tmp_path, "id,to\nA1,20260630\nB2,20260331\n")
    rules = dq.RuleSet(
        [
            dq.ValidAt("device", at="at", registry="devices", registry_key="id", until="to"),
            dq.Match("device", registry="devices", registry_key="id", agree={"lot": "to"}),
        ]
    )
    data = readings().append_column("lot", pa.array([20260630, 1, 2]))
    with pytest.raises(dq.RuleError, match="reads 'to' of registry 'devices' as a number, another rule as a time"):
        rules.validate(data, registries={"devices": path})


def test_a_registry_of_text_that_is_not_from_csv_stays_text() -> None:
    devices = pa.table({"id": ["A1"], "from": ["2026-01-01"], "to": ["2026-06-30"]})
    with pytest.raises(dq.DataError, match="the rule reads dates or timestamps"):
        dq.RuleSet([VALID_AT]).validate(readings(), registries={"devices": devices})


def test_a_prepared_validator_of_csv_registries_pickles(tmp_path: Path) -> None:
    path = written(tmp_path, DEVICES)
    registry = dq.Registry(dq.Csv(path, delimiter=";"), version="1")
    validator = dq.RuleSet([VALID_AT]).prepare(readings().schema, registries={"devices": registry})
    again = pickle.loads(pickle.dumps(validator))
    told = again.validate(readings()).to_dict()
    assert told == validator.validate(readings()).to_dict()
    assert told["versions"]["registries"]["devices"] == {"version": "1", "digest": registry.digest, "rows": 2}


def test_what_is_read_as_text_and_as_times_shares_the_index(tmp_path: Path) -> None:
    registry = dq.Registry(dq.Csv(written(tmp_path, DEVICES), delimiter=";"))
    as_times = registry.read_as({"to": "time"})
    assert as_times is registry.read_as({"to": "time", "id": None})
    assert as_times.index(("id",)) is registry.index(("id",))
    assert registry.read_as({"id": None}) is registry


def test_a_registry_is_digested_when_a_report_is_told_of_and_not_before(tmp_path: Path) -> None:
    registry = dq.Registry(people(), version="2026-11-24")
    rules = dq.RuleSet([MATCH.replace(agree=None)])
    report = rules.validate(people(), registries={"patients": registry})
    assert report.passed
    assert (report.summary().num_rows, report.failures().num_rows) == (1, 0)
    assert registry._digest is None
    told = report.to_dict()
    expected = {"version": "2026-11-24", "digest": dq.Registry(people()).digest, "rows": 3}
    assert told["versions"]["registries"] == {"patients": expected}
    assert told["rules_digest"] == rules.digest


def test_a_pickled_report_has_its_digests_and_no_registry() -> None:
    secret = pa.table({"mrn": ["SECRET-1", "SECRET-2"]})
    rules = dq.RuleSet([dq.Match("mrn", registry="patients", registry_key="mrn")])
    validator = rules.prepare(secret.schema, registries={"patients": secret})
    pickled = pickle.dumps(validator.validate(secret))
    assert b"SECRET" not in pickled
    again = pickle.loads(pickled)
    fresh = validator.validate(secret).to_dict()
    assert again.to_dict()["versions"] == fresh["versions"]
    assert again.to_dict()["rules_digest"] == fresh["rules_digest"]
    assert pickle.loads(pickle.dumps(again)).to_dict() == again.to_dict()
    newer = validator.with_registries({"patients": secret.slice(0, 1)})
    assert newer.validate(secret).to_dict()["versions"] != fresh["versions"]
    assert validator.validate(secret).to_dict()["versions"] == fresh["versions"]


def test_csv_files_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = written(tmp_path, "device,at\nA1,2026-06-30T12:00Z\nB2,2026-04-01T00:00Z\n", "data.csv")
    devices = written(tmp_path, DEVICES.replace(";", ","), "devices.csv")
    rules = written(tmp_path, dq.RuleSet([VALID_AT]).to_yaml(), "rules.yaml")
    told = tmp_path / "report.json"
    arguments = ["validate", str(data), "--rules", str(rules), "--registry", f"devices={devices}", "--json", str(told)]
    assert main(arguments) == 1
    assert capsys.readouterr().err == ""
    assert [line["reason"] for line in json.loads(told.read_text())["rules"][0]["findings"]] == ["after_valid"]
