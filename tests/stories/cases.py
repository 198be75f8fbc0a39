"""The real cases: moved to the present, checked against their manifest, read as the product should hold them."""

import csv
import dataclasses
import datetime
import gzip
import hashlib
import json
import subprocess
import sys
import zoneinfo

from checks import expect, expect_equal

DATASETS = ("people", "clinical", "public_health")
ISLAND = zoneinfo.ZoneInfo("Europe/Jersey")
# How the manifest names the defects of the real source, and the product the rules that they break.
RULE_OF_DEFECT = {"bad_date": "date", "end_before_start": "order"}


def island_day():
    return datetime.datetime.now(ISLAND).date()


@dataclasses.dataclass
class Cases:
    """The three files as they are loaded."""

    folder: object
    rows: dict           # dataset to [(line, row)], the defects among them
    defects: dict        # dataset to {line: rule}
    subjects: list       # JY numbers
    contacts: set        # JY numbers that `contact_jy_number` names

    def file(self, dataset):
        return self.folder / f"{dataset}.csv"

    def stored(self, dataset):
        return [row for line, row in self.rows[dataset] if line not in self.defects[dataset]]


def check_source(data):
    """The files are the ones that the manifest is about."""
    manifest = json.loads((data / "ds4c/manifest.json").read_text("utf-8"))
    for name, about in manifest["files"].items():
        content = gzip.decompress((data / f"ds4c/{name}.gz").read_bytes())
        expect_equal(f"size of {name}", len(content), about["bytes"])
        expect_equal(f"checksum of {name}", hashlib.sha256(content).hexdigest(), about["sha256"])
    return manifest


def prepare(data, folder, today):
    """Shifts the files to `today` and reads them."""
    manifest = check_source(data)
    subprocess.run(
        [sys.executable, data / "shift_dates.py", data / "ds4c", folder, "--to", today.isoformat()],
        check=True, stdout=subprocess.DEVNULL)
    rows = {dataset: read(folder / f"{dataset}.csv") for dataset in DATASETS}
    defects = find_defects(rows, manifest)
    for dataset in DATASETS:
        expect_equal(f"records of {dataset}.csv", len(rows[dataset]), manifest["files"][f"{dataset}.csv"]["records"])
    subjects = [row["jy_number"] for _, row in rows["people"]]
    expect_equal("people", len(set(subjects)), manifest["people"])
    contacts = {row["contact_jy_number"] for _, row in rows["public_health"]} - {""}
    return Cases(folder, rows, defects, subjects, contacts)


def read(path):
    """[(physical line on which the record starts, record)]."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header, rows, line = next(reader), [], reader.line_num
        for row in reader:
            expect_equal(f"cells in line {line + 1} of {path.name}", len(row), len(header))
            rows.append((line + 1, dict(zip(header, row))))
            line = reader.line_num
        return rows


def find_defects(rows, manifest):
    """Where the defects of the manifest stand: dataset to {line: rule}."""
    defects = {dataset: {} for dataset in DATASETS}
    for dataset, record_id, subject, defect, _ in manifest["real_anomalies"]["rows"]:
        lines = [line for line, row in rows[dataset] if (row.get("record_id"), row["jy_number"]) == (record_id, subject)]
        expect_equal(f"lines with {record_id}", len(lines), 1)
        defects[dataset][lines[0]] = RULE_OF_DEFECT[defect]
    return defects


def check_report(cases, dataset, code, report):
    """Holds what `disownctl load` reports against the manifest; returns what to say of it."""
    total, defects = len(cases.rows[dataset]), cases.defects[dataset]
    expect_equal(f"rows of {dataset}", report["rows"], total)
    rejected = {rejection["line"]: rejection["rule"] for rejection in report["rejected"]}
    expect_equal(f"rejected lines and rules of {dataset}", rejected, defects)
    expect_equal(f"rejections of {dataset}", len(report["rejected"]), len(defects))
    for rejection in report["rejected"]:
        # An order is broken by the row or by either of its two days; a day by itself only.
        columns = {"date": {"event_date"}, "order": {"event_date", "end_date", ""}}[rejection["rule"]]
        expect((rejection.get("column") or "") in columns, f"column of {dataset} line {rejection['line']}: {rejection}")
    expect_equal(f"stored rows of {dataset}", report["stored"], total - len(defects))
    expect(report["batches"] >= 1, f"batches of {dataset}: {report['batches']}")
    expect_equal(f"exit code of loading {dataset}", code, 3 if defects else 0)
    return f"{dataset} {report['stored']:,} stored, {len(defects)} rejected"
