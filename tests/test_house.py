"""The house: imports go down, every rule is exported, tested and documented, and importing dqcore is light."""

from __future__ import annotations

import ast
import pickle
import pydoc
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import dqcore
from dqcore.rules.kinds import KINDS

SOURCE = Path(dqcore.__file__).parent
ROOT = Path(__file__).resolve().parents[1]
FLOORS = {
    "cli": 8, "commands": 8, "demo": 8, "__main__": 9, "__init__": 9,
    "rulefiles": 7, "catalogue": 7, "distributed": 7, "spark": 7,
    "ruleset": 6, "monitor": 6, "engine": 5, "outputs": 5, "rules": 4, "sources": 2, "report": 2,
    "knowledge": 1, "errors": 1, "durations": 1, "zones": 1, "logical": 1, "strict_yaml": 1, "version": 1, "_native": 1,
    "packs": 1, "sizes": 1, "arrays": 1, "compute": 1, "regular": 1, "automaton": 1,
}  # fmt: skip
SHARED = 3
"""What several rules share, and what rules see: every other module."""


def floor(module: str) -> int:
    return FLOORS.get(module, SHARED)


def imports() -> list[tuple[str, str]]:
    found = []
    for path in SOURCE.rglob("*.py"):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        package = list(parts[:-1])
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = package[: len(package) - node.level + 1]
                names = (node.module or "").split(".") if node.module else [item.name for item in node.names]
                target = [*base, *names][0]
                if target != parts[0]:
                    found.append((parts[0], target))
    return found


def test_imports_go_down() -> None:
    # The type of the report that an error carries is named upwards, for type checkers alone.
    allowed = {("errors", "report")}
    upward = {pair for pair in imports() if floor(pair[0]) < floor(pair[1])} - allowed
    assert upward == set()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_rule_is_tested_and_documented(kind: str) -> None:
    assert (ROOT / "tests" / "rules" / f"test_{kind}.py").exists()
    assert (ROOT / "docs" / "rules" / f"{kind}.md").exists()
    assert (SOURCE / "rules" / f"{kind}.py").exists()
    assert KINDS[kind].reasons
    assert ">>>" in (KINDS[kind].__doc__ or "")


RULES = [
    "NotNull", "Range", "OneOf", "Pattern", "Length", "Compare", "Ordered", "Expression", "Unique",
    "Consistent", "Sequence", "Numeric", "Delta", "Related", "Check", "Schema", "RowCount", "Freshness",
    "Share", "Quantile", "Drift", "Identifier", "Match", "Units", "Plausible", "Timestamp", "ClockSkew",
    "Turnaround", "Duplicates", "ValidAt", "UDI",
]  # fmt: skip
OTHERS = [
    "RuleSet", "Validator", "Report", "Registry", "Csv", "Scheme", "lit", "load_rules", "correct_times",
    "profile", "suggest_rules", "ValueRule", "RowRule", "KeyRule", "TableRule", "DQError", "RuleError",
    "DataError", "StateError", "ValidationFailed",
]  # fmt: skip
# The contract has these too; they are not there yet.
PLANNED = [
    "profile", "suggest_rules",
]  # fmt: skip


def test_the_public_names_are_those_of_the_contract() -> None:
    promised = {*RULES, *OTHERS} - set(PLANNED)
    assert set(dqcore.__all__) == promised
    public = {name for name in dir(dqcore) if name[0] != "_" and not isinstance(getattr(dqcore, name), ModuleType)}
    assert public == promised
    assert {kind.__name__ for kind in KINDS.values()} == promised & set(RULES)
    assert set(dqcore.rules.__all__) == promised & set(RULES)


def test_no_module_of_a_rule_is_taken_for_a_public_name() -> None:
    assert not {"range", "check", "match", "schema", "base", "plain", "VERSION"} & set(vars(dqcore))
    assert dqcore.units.__name__ == "dqcore.units"
    assert dqcore.spark.__name__ == "dqcore.spark"
    for reader in ("dicom", "fhir", "hl7v2", "lis2"):
        assert getattr(dqcore.sources, reader).__name__ == f"dqcore.sources.{reader}"
    assert dqcore.__version__ == dqcore.version.VERSION


# ISO/IEC 9899:2018, 7.1.2, and POSIX.1-2017, volume Base Definitions, 13.
SYSTEM_HEADERS = """
aio assert complex cpio ctype dirent dlfcn errno fcntl fenv float fmtmsg fnmatch ftw glob grp iconv inttypes iso646
langinfo libgen limits locale math monetary mqueue ndbm netdb nl_types poll pthread pwd regex sched search semaphore
setjmp signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string strings stropts
syslog tar termios tgmath threads time trace uchar ulimit unistd utime utmpx wchar wctype wordexp
"""


def test_no_header_of_ours_shadows_one_of_the_system() -> None:
    # The folder is searched before the system's.
    ours = {path.stem for path in (SOURCE / "_native").glob("*.h")}
    assert ours
    assert not ours & set(SYSTEM_HEADERS.split())


def imported_by(code: str, among: tuple[str, ...]) -> list[str]:
    """Which of some modules are there when a Python of its own has run `code`, that were not before: an environment may
    import things as Python starts."""
    new = "name in sys.modules and name not in there_before"
    code = (
        f"import sys\nthere_before = {{*sys.modules}}\n{code}\nprint()\nprint(*[name for name in {among!r} if {new}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()


HEAVY = (
    "pandas", "polars", "pint", "yaml", "jinja2", "sqlite3", "importlib.metadata", "importlib.resources",
    "pyarrow.dataset", "pyarrow.parquet", "pyarrow.csv", "pyarrow.compute", "rich",
)  # fmt: skip
UNASKED = (
    "dqcore.sql",
    "dqcore.knowledge.units",
    "dqcore.knowledge.schemes",
    "dqcore.sources.csv",
    "dqcore.sources.dicom",
    "dqcore.sources.fhir",
    "dqcore.sources.hl7v2",
    "dqcore.report.html",
)
VALIDATED = """
import pyarrow as pa, dqcore as dq
numbers = pa.Array.from_buffers(pa.int64(), 1, [None, pa.py_buffer(bytes(8))])
table = pa.Table.from_arrays([numbers], names=["v"])
rules = [dq.Range("v", 1, 2), dq.NotNull("v"), dq.OneOf("v", [1]), dq.Unique("v")]
report = dq.RuleSet(rules).validate(table)
assert report["range:v"].counts.failed == report["one_of:v"].counts.failed == 1
"""


def test_importing_brings_in_nothing_that_was_not_asked_for() -> None:
    assert imported_by("import dqcore", (*HEAVY, "numpy", "pyarrow", "dqcore.rules")) == []
    assert imported_by("from dqcore import DataError", (*HEAVY, "dqcore.rules")) == []


def test_validating_brings_in_only_what_the_rules_need() -> None:
    # Arrays are made from buffers: where pandas is installed, pyarrow itself imports it to make one from a list.
    assert imported_by(VALIDATED, (*HEAVY, *UNASKED)) == []


def test_neither_rules_nor_reports_import_pandas() -> None:
    code = """
import pyarrow as pa, dqcore as dq
from dqcore.arrays import numbers, texts
import numpy as np
times = numbers(np.arange(3) * 10**6).view(pa.timestamp("us", "UTC"))
table = pa.Table.from_arrays(
    [texts(["a", "b", None]), numbers(np.array([1.0, 5.0, 9.0])), texts(["mg/dL", "g/L", "kg"]), times, times],
    names=["k", "v", "u", "t", "s"],
)
rules = [
    dq.Pattern("k", r"\\p{Lu}+"), dq.Expression("v > 1 AND u = 'kg' AND k LIKE 'a%' OR v BETWEEN 1 AND 2"),
    dq.NotNull("k", where="v < 7 AND k IS NOT NULL"), dq.OneOf("k", ["a"]), dq.Unique("k"), dq.Length("k", min=2),
    dq.Units("v", unit="u", to="g/L", into=("w", "x")), dq.ClockSkew("t", reference="s", by="k", tolerance="2s"),
    dq.Match("k", registry="r", registry_key="k", max_edits=1), dq.Duplicates("k", at="t", within="5min"),
    dq.Ordered("t", "s"), dq.RowCount(min=10), dq.Share("v > 5", min=1), dq.Quantile("v", 0.5, max=1, by="k"),
    dq.Drift("v", "r"), dq.Drift("k", "r"),
]
report = dq.RuleSet(rules, keys=["k"]).validate(table, registries={"r": table})
assert not report.passed
[report.details(name) for name in ("share", "quantile:v", "drift:v", "drift:k")]
report.summary(), report.failures(), report.verdicts(), report.valid(), report.invalid(), report.cooccurrence()
"""
    assert imported_by(code, ("pandas", "pyarrow.pandas_compat")) == []


def test_a_rule_brings_in_no_other() -> None:
    others = [f"dqcore.rules.{kind}" for kind in KINDS if kind not in ("range", "not_null", "one_of", "unique")]
    assert imported_by(VALIDATED, tuple(others)) == []
    from_file = "import dqcore as dq; dq.RuleSet.from_dict({'rules': [{'kind': 'not_null', 'columns': ['v']}]})"
    assert imported_by(from_file, tuple(f"dqcore.rules.{kind}" for kind in KINDS)) == ["dqcore.rules.not_null"]


def test_knowledge_is_read_when_it_is_asked_for() -> None:
    code = """
import dqcore as dq
dq.Units("value", unit="unit", analyte="code")
from dqcore.knowledge.units import ucum
assert ucum.atoms.cache_info().currsize == 0
"""
    assert imported_by(code, ("pint", "importlib.resources")) == []


def test_help_waits_for_nothing() -> None:
    for words in (["--help"], ["validate", "--help"], ["--version"]):
        code = f"import dqcore.cli\ntry: dqcore.cli.main({words})\nexcept SystemExit as end: assert not end.code"
        assert imported_by(code, (*HEAVY, "numpy", "pyarrow", "dqcore.rules")) == []


def test_every_rule_has_a_line() -> None:
    tree = ast.parse((SOURCE / "rules" / "__init__.py").read_text())
    lines = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module != "kinds"]
    assert {node.module: [(item.name, item.asname) for item in node.names] for node in lines} == {
        kind: [(rule.__name__, rule.__name__)] for kind, rule in KINDS.items()
    }


def test_what_is_no_rule_has_no_kind() -> None:
    for name in ("base", "plain", "kinds", "__init__", "__main__", "", "range.py", "Range", "a.b", "no_such"):
        assert name not in KINDS
        with pytest.raises(dqcore.RuleError, match="unknown kind"):
            dqcore.RuleSet.from_dict({"rules": [{"kind": name}]})


def test_names_can_be_asked_for_from_many_threads() -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
import dqcore
names = sorted(set(dqcore._HOMES)) + ["Range", "Units", "Match", "Expression", "Duplicates", "Identifier"]
with ThreadPoolExecutor(len(names)) as pool:
    found = list(pool.map(lambda name: getattr(dqcore, name), names))
assert [getattr(dqcore, name) for name in names] == found
"""
    assert imported_by(code, ("pandas",)) == []


def test_every_public_name_is_found_and_no_other() -> None:
    for name in dqcore.__all__:
        assert getattr(dqcore, name).__module__.startswith("dqcore.")
        assert name in dir(dqcore)
        assert pickle.loads(pickle.dumps(getattr(dqcore, name))) is getattr(dqcore, name)
    for name in ("Rnage", "range_", "_private", "", "A.b", "Base"):
        assert not hasattr(dqcore, name)
        assert not hasattr(dqcore.rules, name)
    with pytest.raises(AttributeError, match="module 'dqcore' has no attribute 'Rnage'"):
        _ = dqcore.Rnage
    assert not hasattr(dqcore, "")
    names: dict[str, object] = {}
    exec("from dqcore import *", names)
    assert set(dqcore.__all__) <= set(names)
    assert "Range" in pydoc.render_doc(dqcore)
