"""What the steps of the story share."""

import pathlib

from asking import new_chance
from cases import DATASETS
from oracle import Oracle
from rules import Rules

POLICIES = pathlib.Path(__file__).resolve().parents[2] / "policies"


class World:
    """The data, the broker, and what has been learnt so far."""

    def __init__(self, data, work, broker, seed=None):
        self.data = data
        self.work = work
        self.broker = broker
        self.chance, self.seed = new_chance(seed)
        self.sources = {dataset: f"real cases, {dataset}.csv" for dataset in DATASETS}
        self.cases = None
        self.oracle = None
        self.load_days = {}         # dataset to the island's days between which it was loaded
        self.replies = []           # of the three callers about everybody
        self.handles = {}           # (organisation, agreement) to subject to handle
        self.unknown = None         # a number that belongs to nobody
        self.key = None             # of the access log
        self.export = None          # of the access log, as parsed

    def learn(self, cases):
        self.cases = cases
        self.oracle = Oracle(Rules(POLICIES), {dataset: cases.stored(dataset) for dataset in DATASETS}, self.sources)

    def numbers(self):
        """Every number that must not be found anywhere."""
        return sorted({*self.cases.subjects, *self.cases.contacts, self.unknown})
