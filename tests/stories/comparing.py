"""Holds answers against the oracle, cell by cell."""

import collections
import dataclasses
import itertools

from oracle import HandleOf

SHOWN_BY = {4: "full", 3: "coarse", 2: "exists"}


@dataclasses.dataclass
class Tally:
    """What was compared, and what differed."""

    answers: int = 0
    records: int = 0
    cells: int = 0
    days: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    differences: list = dataclasses.field(default_factory=list)

    def add(self, differences):
        self.differences += differences


class Comparer:
    """Compares with what the oracle expects."""

    def __init__(self, oracle, handles, load_days):
        self.oracle = oracle
        self.handles = handles          # (organisation, agreement) to subject to handle
        self.load_days = load_days      # dataset to the days on which it may have been loaded

    def compare(self, reply, tally, names=None):
        """Adds one reply to the tally. Only one that was made around midnight has two days to be right for."""
        answer, best = reply.answer, None
        for day in reply.days:
            found = self._against(reply, answer, self.oracle.expected(reply.caller, reply.subject, day, names))
            if best is None or len(found[2]) < len(best[2]):
                best, right_day = found, day
        tally.answers += 1
        tally.records += best[0]
        tally.cells += best[1]
        tally.days[right_day] += 1
        tally.add(best[2])

    def _against(self, reply, answer, expected):
        where, differences = f"{reply.caller.role}, answer {answer.handle[:12]}", []
        own = self.handles[reply.caller.organisation, reply.caller.agreement]
        if not answer.handle or answer.handle != own.get(reply.subject, answer.handle):
            differences.append(f"{where}: handle {answer.handle!r}")
        handling = [{"code": one.code, "words": one.words} for one in answer.handling]
        if handling != list(expected.handling):
            differences.append(f"{where}: handling {handling}")
        differences += compare_withheld(where, answer, expected)
        records, cells = 0, 0
        actual_by_type, expected_by_type = collections.defaultdict(list), collections.defaultdict(list)
        for record in answer.records:
            actual_by_type[record.record_type].append(self._actual(record))
        for record in expected.records:
            expected_by_type[record.record_type].append(self._expected(record, own))
        # An answer does not promise an order of records, so both sides are put in one.
        for kind in sorted(actual_by_type.keys() | expected_by_type.keys()):
            pairs = itertools.zip_longest(sorted(actual_by_type[kind], key=repr), sorted(expected_by_type[kind], key=repr))
            for actual, wanted in pairs:
                records += 1
                compared, found = compare_record(f"{where}, {kind}", actual, wanted)
                cells += compared
                differences += found
        return records, cells, differences

    def _actual(self, record):
        cells = []
        for cell in record.cells:
            shown = cell.WhichOneof("shown")
            # A shape that does not fit its disclosure must not compare equal to anything.
            value = getattr(cell, shown) if shown and SHOWN_BY.get(cell.disclosure) == shown else f"shown as {shown}"
            cells.append((cell.field, (int(cell.disclosure), value, int(cell.nature))))
        provenance = None
        if record.HasField("provenance"):
            about = record.provenance
            days = {day.isoformat() for day in self.load_days[record.record_type.split(".")[0]]}
            as_of = "the day of loading" if about.as_of in days else about.as_of
            provenance = (about.source, as_of, about.subject_category, about.disputed)
        return sorted(cells, key=repr), provenance

    def _expected(self, record, own):
        cells = []
        for field, (level, value, nature) in record.cells.items():
            cells.append((field, (level, own[value.subject] if isinstance(value, HandleOf) else value, nature)))
        provenance = record.provenance
        if provenance:
            source, category, disputed = provenance
            provenance = (source, "the day of loading", category, disputed)
        return sorted(cells, key=repr), provenance


def compare_record(where, actual, wanted):
    """(cells compared, differences) of two records, of which one may be missing."""
    if actual is None or wanted is None:
        cells = (actual or wanted)[0]
        return len(cells), [f"{where}: record {'missing' if actual is None else 'too many'}, {len(cells)} cells"] * len(cells)
    differences = []
    if actual[1] != wanted[1]:
        differences.append(f"{where}: provenance {actual[1]} instead of {wanted[1]}")
    have, want = dict(actual[0]), dict(wanted[0])
    if len(have) != len(actual[0]):
        differences.append(f"{where}: a field twice in one record")
    for field in sorted(have.keys() | want.keys()):
        if have.get(field) != want.get(field):
            differences.append(f"{where}, {field}: {have.get(field)} instead of {want.get(field)}")
    return len(have.keys() | want.keys()), differences


def compare_withheld(where, answer, expected):
    told = [(withheld.field, withheld.reason) for withheld in answer.withheld]
    differences = []
    if sorted(field for field, _ in told) != sorted(expected.withheld):
        differences.append(f"{where}: withheld {sorted(told)} instead of {sorted(expected.withheld)}")
    for field, reason in told:
        wanted = expected.withheld.get(field)
        if reason not in ("policy", "agreement", "hard_rule") or (wanted and reason != wanted):
            differences.append(f"{where}, {field}: withheld for {reason!r}")
    return differences


def canonical(answer):
    """An answer without its handle and without the order of its records."""
    records = sorted(record.SerializeToString(deterministic=True) for record in answer.records)
    withheld = sorted((withheld.field, withheld.reason) for withheld in answer.withheld)
    return records, withheld, list(answer.handling)
