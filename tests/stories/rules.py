"""What the policy files say, read without the product: fields, levels, conditions."""

import csv
import dataclasses
import re
import tomllib

# The numbers are those of `Disclosure` in common.proto; the order is that of what they reveal.
WITHHELD, EXISTS, COARSE, FULL = 1, 2, 3, 4
LEVELS = {"exists": EXISTS, "coarse": COARSE, "full": FULL}
NATURES = {"fact": 1, "assessment": 2}


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of the catalogue."""

    name: str
    record: str          # dataset.record_type
    column: str
    category: str
    nature: int
    coarse: str | None
    subject: bool        # names another subject


class Rules:
    """The catalogue, the policy and the agreements of a folder."""

    def __init__(self, folder):
        self.catalogue = tomllib.loads((folder / "catalogue.toml").read_text("utf-8"))["datasets"]
        self.fields = {field.name: field for field in self._fields()}
        self.agreements, self.cases = {}, []       # cases: (agreement, case)
        for path in sorted((folder / "agreements").glob("*.toml")):
            content = tomllib.loads(path.read_text("utf-8"))
            if path.name.endswith(".cases.toml"):
                self.cases += [(path.name.removesuffix(".cases.toml"), case) for case in content["case"]]
            else:
                self.agreements[content["id"]] = content
        self._lines, self._inherits = [], {}
        self._read_policy(folder / "policy.csv")

    def _fields(self):
        for dataset, entry in self.catalogue.items():
            for record, kind in entry["records"].items():
                for column, about in entry["columns"].items():
                    yield Field(
                        name=f"{dataset}.{record}.{column}", record=f"{dataset}.{record}", column=column,
                        category=about.get("category", kind["category"]), nature=NATURES[about["nature"]],
                        coarse=about.get("coarse"), subject=about["type"] == "subject")

    def _read_policy(self, path):
        with open(path, encoding="utf-8", newline="") as lines:
            for line in csv.reader(lines, skipinitialspace=True):
                line = [part.strip() for part in line]
                if not any(line) or line[0].startswith("#"):
                    continue
                match line:
                    case ["p", role, purpose, target, level, effect]:
                        if level in LEVELS and not target.startswith("access_log"):     # `put` and the log disclose no field
                            self._lines.append((role, purpose, target, LEVELS[level], effect))
                    case ["g", role, parent]:
                        self._inherits.setdefault(role, []).append(parent)
                    case _:
                        raise ValueError(f"policy line that this reader does not know: {line}")

    def _roles(self, role):
        found, todo = set(), [role]
        while todo:
            role = todo.pop()
            if role not in found:
                found.add(role)
                todo += self._inherits.get(role, [])
        return found

    def policy_level(self, role, purpose, field):
        """The highest level that is allowed and that no deny, at it or at a lower level, takes away."""
        roles = self._roles(role)
        allowed, denied = set(), set()
        for line_role, line_purpose, target, level, effect in self._lines:
            if line_role not in roles or line_purpose != purpose:
                continue
            if target == f"category:{field.category}":
                if effect == "allow" and level == COARSE and not field.coarse:
                    continue
            elif target != field.name:
                continue
            (allowed if effect == "allow" else denied).add(level)
        return max((level for level in allowed if level < min(denied, default=FULL + 1)), default=WITHHELD)

    def levels(self, caller, names=None):
        """Field to level for what this caller asks; without names, for all fields of the agreement."""
        agreed = self.agreements[caller.agreement].get("fields", {})
        levels = {}
        for name in agreed if names is None else names:
            highest = LEVELS.get(agreed.get(name), WITHHELD)
            levels[name] = min(self.policy_level(caller.role, caller.purpose, self.fields[name]), highest)
        return levels

    def opened(self, caller, names):
        """The same for somebody who broke glass: what the agreement's clause has beside the rest."""
        clause = self.agreements[caller.agreement]["break_glass"]
        behind = clause["fields"] if caller.role in clause["roles"] else {}
        levels = self.levels(caller, names)
        return {name: max(level, LEVELS.get(behind.get(name), WITHHELD)) for name, level in levels.items()}


TOKEN = re.compile(r"\s*(?:(\(|\)|<=|>=|!=|<|>|=)|'([^']*)'|\"([^\"]*)\"|(\d{4}-\d{2}-\d{2})|([a-z][a-z0-9_]*))")


class Condition:
    """A condition over one record: comparisons, `is empty`, `and`, `or`. Days compare as text, being ISO 8601."""

    def __init__(self, text):
        self._tokens, at = [], 0
        while text[at:].strip():
            token = TOKEN.match(text, at)
            if not token:
                raise ValueError(f"condition that this reader does not know: {text[at:]}")
            sign, single, double, day, word = token.groups()
            literal = next((part for part in (single, double, day) if part is not None), None)
            self._tokens.append(("literal", literal) if literal is not None else ("word", sign or word))
            at = token.end()
        self._holds = self._either()
        if self._tokens:
            raise ValueError(f"condition goes on after its end: {text}")

    def holds(self, record, today):
        return self._holds(record, today)

    def _take(self, *words):
        if self._tokens and self._tokens[0] in [("word", word) for word in words]:
            return self._tokens.pop(0)[1]
        return None

    def _either(self):
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        return lambda record, today: any(part(record, today) for part in parts)

    def _both(self):
        parts = [self._one()]
        while self._take("and"):
            parts.append(self._one())
        return lambda record, today: all(part(record, today) for part in parts)

    def _one(self):
        if self._take("("):
            inner = self._either()
            if not self._take(")"):
                raise ValueError("condition with an open bracket")
            return inner
        left = self._operand()
        if self._take("is"):
            wanted = not self._take("not")
            if not self._take("empty"):
                raise ValueError("condition with `is` of something else than emptiness")
            return lambda record, today: (left(record, today) == "") == wanted
        sign = self._take("<=", ">=", "!=", "<", ">", "=")
        right = self._operand()
        return lambda record, today: compare(left(record, today), sign, right(record, today))

    def _operand(self):
        kind, value = self._tokens.pop(0)
        if kind == "literal":
            return lambda record, today: value
        if value == "today":
            return lambda record, today: today.isoformat()
        return lambda record, today: record[value]


def compare(left, sign, right):
    """A comparison with nothing is false, whichever it is."""
    if left == "" or right == "":
        return False
    return {"<=": left <= right, ">=": left >= right, "<": left < right, ">": left > right,
            "=": left == right, "!=": left != right}[sign]
