"""What the answer about a subject must be, worked out from the files alone."""

import collections
import dataclasses

from rules import COARSE, EXISTS, FULL, WITHHELD, Condition


@dataclasses.dataclass(frozen=True)
class HandleOf:
    """In place of a value: the handle of this subject towards whoever asks."""

    subject: str


@dataclasses.dataclass
class Record:
    """One record of an answer. `cells`: field to (level, what is shown, nature)."""

    record_type: str
    cells: dict
    provenance: tuple | None


@dataclasses.dataclass
class Expected:
    """An answer without its handle. `withheld`: field to reason, or to None where the reason is left open."""

    records: list
    withheld: dict
    handling: list


class Oracle:
    """Knows the rules and what is stored."""

    def __init__(self, rules, stored, sources):
        self.rules = rules
        self.sources = sources          # dataset to the source that was given when it was loaded
        self._conditions, self._levels = {}, {}
        self._records = {}              # record type to subject to records
        for dataset, rows in stored.items():
            entry = rules.catalogue[dataset]
            for row in rows:
                kind = row[entry["record_type_column"]] if "record_type_column" in entry else next(iter(entry["records"]))
                of_type = self._records.setdefault(f"{dataset}.{kind}", collections.defaultdict(list))
                of_type[row[entry["subject_column"]]].append(row)

    def records(self, record_type, subject):
        return self._records.get(record_type, {}).get(subject, [])

    def released(self, caller, subject, today):
        """How to choose among the subject's records of a type, or None where the condition lets nothing out."""
        condition = self.rules.agreements[caller.agreement].get("condition")
        if not condition:
            return self.records
        if caller.agreement not in self._conditions:
            self._conditions[caller.agreement] = Condition(condition["where"])
        test = self._conditions[caller.agreement]
        meeting = [row for row in self.records(condition["record"], subject) if test.holds(row, today)]
        if not meeting:
            return None
        return lambda record_type, subject: (
            meeting if record_type == condition["record"] else self.records(record_type, subject))

    def expected(self, caller, subject, today, names=None):
        """The answer to a question about a subject on a day; `names` are fields asked for, else all of the agreement."""
        key = (caller.role, caller.purpose, caller.agreement, names)
        if key not in self._levels:
            self._levels[key] = self.rules.levels(caller, names)
        levels = self._levels[key]
        agreement = self.rules.agreements[caller.agreement]
        # Without names everything is in the agreement, so only the policy can stand in the way.
        withheld = {name: "policy" if names is None else None for name, level in levels.items() if level == WITHHELD}
        by_type = collections.defaultdict(list)
        for name, level in levels.items():
            if level > WITHHELD:
                by_type[self.rules.fields[name].record].append((self.rules.fields[name], level))
        choose, records = self.released(caller, subject, today), []
        for record_type, fields in by_type.items() if choose else ():
            rows = choose(record_type, subject)
            if rows and all(level == EXISTS for _, level in fields):
                records.append(fold(record_type, fields, rows))
            else:
                records += [self.shown(record_type, fields, row, today) for row in rows]
        return Expected(records, withheld, agreement.get("handling", []))

    def shown(self, record_type, fields, row, today):
        dataset = record_type.split(".")[0]
        cells = {field.name: (level, show(field, level, row[field.column], today), field.nature) for field, level in fields}
        return Record(record_type, cells, (self.sources[dataset], self.rules.catalogue[dataset]["subject_category"], False))


def fold(record_type, fields, rows):
    """Where only existence is shown, how many records there are is not."""
    cells = {field.name: (EXISTS, any(row[field.column] != "" for row in rows), field.nature) for field, _ in fields}
    return Record(record_type, cells, None)


def show(field, level, value, today):
    if level == EXISTS:
        return value != ""
    if level == COARSE:
        return coarse(field.coarse, value, today) if value else ""
    assert level == FULL
    return HandleOf(value) if field.subject and value else value


def coarse(kind, value, today):
    match kind:
        case "year":
            return value[:4]
        case "month":
            return value[:7]
        case "outward_code":
            return value.split(" ")[0]
        case "initial":
            return value[0] + "."
        case "age_band":
            year, month, day = (int(part) for part in value.split("-"))
            age = today.year - year - ((today.month, today.day) < (month, day))
            if age < 0:
                # The shift puts a few invented days of birth after today; an age that is none is not shown.
                return ""
            return "90+" if age >= 90 else f"{age // 10 * 10}-{age // 10 * 10 + 9}"
    raise ValueError(f"coarsening that this reader does not know: {kind}")
