"""Steps: no number of anybody in what the broker wrote."""

import time

import leaks
from checks import expect

SLOWEST = 60


class LeakSteps:
    """Scans the deployment, the telemetry, and all that came out of the broker."""

    def __init__(self, world):
        self.world = world

    def paths(self):
        world = self.world
        released = world.work / "released"
        if not released.exists():
            # The serialised answers and what the receipts show, as a recipient holds them.
            with released.open("wb") as file:
                for reply in world.replies:
                    receipt = reply.response.receipt
                    file.write(b"\n".join((reply.response.answer, receipt.actor_part, receipt.answer_part, b"")))
        return [world.broker.directory, world.broker.output, world.work / "log.jsonl", released]

    def scan(self):
        world, start = self.world, time.monotonic()
        for name in ("people", "clinical", "public_health", "control"):
            expect((world.broker.directory / f"data/{name}.sqlite").is_file(), f"no data/{name}.sqlite to scan")
        telemetry = world.broker.telemetry.stat().st_size
        expect(telemetry > 0, "the server wrote no telemetry, so nothing was put to the test")
        numbers = world.numbers()
        found = leaks.scan(self.paths(), numbers, world.broker.issued)
        took = time.monotonic() - start
        expect(not found.hits, f"found {dict(found.hits)}: {'; '.join(found.samples)}")
        expect(took < SLOWEST, f"the scan took {took:.0f} s")
        kinds = len(leaks.FORMS)
        return (f"{len(numbers):,} numbers in {kinds} forms and {len(world.broker.issued)} tokens: 0 found in {found.files} "
                f"files, {found.size / 1e6:,.0f} MB (telemetry {telemetry / 1e6:,.0f} MB)")

    def find_planted(self):
        world = self.world
        number = world.chance.choice(world.cases.subjects)
        database = world.broker.directory / "data/people.sqlite"
        planted = leaks.control(world.work, database, number, world.broker.issued[-1])
        return f"{planted} of {planted} plants in a copy of people.sqlite found, each over the edge of a chunk"
