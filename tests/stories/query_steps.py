"""Steps: the deployment, its data, and what it answers."""

import collections
import datetime
import json

import asking
import cases
from broker import ASKERS, CLINICIAN, OFFICER, REGISTRAR, TRACER, Caller
from checks import expect, expect_equal
from comparing import Comparer, Tally, canonical
from rules import LEVELS, WITHHELD

THREADS = 16
SAMPLE = 40
# What may differ between the actor parts of two entries about different subjects.
OF_THE_MOMENT = ("time", "trace")


def prepare(world):
    day = cases.island_day()
    world.learn(cases.prepare(world.data, world.work / "cases", day))
    known = {*world.cases.subjects, *world.cases.contacts}
    world.unknown = asking.unknown_number(known, world.chance)
    return (f"{len(world.cases.subjects):,} people of the manifest, moved to {day}; seed {world.seed}")


def check_rules(world):
    """The levels of the oracle are those that the cases beside the agreements expect: the oracle itself, put to the test."""
    rules, checked = world.oracle.rules, 0
    for agreement, case in rules.cases:
        if case["expect"].keys() <= LEVELS.keys():
            caller = Caller("", "", case["caller"]["role"], case["purpose"], agreement, case["case_reference"])
            names = case.get("fields") or rules.agreements[agreement]["views"][case["view"]]
            levels = rules.opened(caller, names) if case.get("break_glass") else rules.levels(caller, names)
            granted = {name: level for name, level in levels.items() if level > WITHHELD}
            expected = {name: LEVELS[level] for level, listed in case["expect"].items() for name in listed}
            expect_equal(f"levels of the oracle for: {case['name']}", granted, expected)
            checked += 1
    expect(checked > 0, "no case with levels beside the agreements")
    return f"{checked} cases beside the agreements expect the levels that the oracle works out"


def serve(world):
    world.broker.lay_out()
    world.broker.start()
    return f"listening on {world.broker.address}, telemetry at its finest"


def load(world, dataset):
    before = cases.island_day()
    code, report = world.broker.command_json(
        "load", dataset, str(world.cases.file(dataset)), "--source", world.sources[dataset], "--json",
        caller=REGISTRAR, codes=(0, 3))
    world.load_days[dataset] = {before, cases.island_day()}
    return cases.check_report(world.cases, dataset, code, report)


def ask_everybody(world):
    world.replies = asking.ask_everybody(world.broker, ASKERS, world.cases.subjects, THREADS, world.chance)
    for caller in ASKERS:
        world.handles[caller.organisation, caller.agreement] = {
            reply.subject: reply.answer.handle for reply in world.replies if reply.caller == caller}
    # Handles of people who are named as contacts only are learnt by asking, in another name.
    missing = sorted(world.cases.contacts - set(world.cases.subjects))
    own = world.handles[TRACER.organisation, TRACER.agreement]
    for reply in asking.ask_all(world.broker, [{"caller": prober(TRACER), "subject": number} for number in missing]):
        own[reply.subject] = reply.answer.handle
    return f"{len(world.replies):,} questions in random order, {THREADS} at a time, as {len(ASKERS)} callers"


def prober(caller):
    """Somebody else under the same terms, so that the main callers' entries can be counted exactly."""
    return caller.named(f"{caller.name}-prober")


def check_handles(world):
    everywhere = collections.Counter()
    for (organisation, _), handles in world.handles.items():
        expect(all(handles.values()), f"an answer without a handle for {organisation}")
        everywhere.update(handles.values())
    shared = [handle for handle, uses in everywhere.items() if uses > 1]
    expect(not shared, f"{len(shared)} handles name more than one subject or are known to more than one recipient")
    return f"{len(everywhere):,} handles, no two alike, none shared between recipients"


def comparer(world):
    return Comparer(world.oracle, world.handles, world.load_days)


def check_answers(world):
    tally, compare = Tally(), comparer(world)
    for reply in world.replies:
        compare.compare(reply, tally)
    settle(tally)
    subjects = len(world.cases.subjects)
    expect_equal("answers", tally.answers, subjects * len(ASKERS))
    isolated = sum(1 for reply in world.replies if reply.caller == OFFICER and reply.answer.records)
    expect(0 < isolated < subjects, f"{isolated} subjects under isolation: the condition was not put to the test")
    days = " and ".join(map(str, sorted(tally.days)))
    return (f"{tally.answers:,} answers, {tally.records:,} records, {tally.cells:,} cells compared, 0 differences; "
            f"{isolated:,} of {subjects:,} under isolation on {days}")


def settle(tally):
    """Fails with the first few differences."""
    shown = "; ".join(list(dict.fromkeys(tally.differences))[:5])
    expect(not tally.differences, f"{len(tally.differences):,} differences in {tally.cells:,} cells: {shown}")


def check_absence(world):
    """An unknown number and a known subject without a running order: the police cannot tell one from the other."""
    # Without one tomorrow either, should it be midnight.
    days = [cases.island_day() + datetime.timedelta(days) for days in (0, 1)]
    known = world.chance.choice([subject for subject in world.cases.subjects if not any(
        world.oracle.released(OFFICER, subject, day) for day in days)])
    questions = [{"caller": prober(OFFICER), "subject": subject} for subject in (known, world.unknown)]
    replies = asking.ask_all(world.broker, questions)
    handles = [reply.answer.handle for reply in replies]
    expect_equal("lengths of the two handles", len(handles[1]), len(handles[0]))
    bare = [reply.response.answer.replace(handle.encode(), b"") for reply, handle in zip(replies, handles)]
    expect(bare[0] == bare[1], "the answers about a known and an unknown subject differ in more than the handle")
    parts = [json.loads(reply.response.receipt.actor_part) for reply in replies]
    expect_equal("names in the actor parts", sorted(parts[1]), sorted(parts[0]))
    differing = [name for name in parts[0] if parts[0][name] != parts[1][name]]
    expect(all(name.startswith(OF_THE_MOMENT) for name in differing), f"the two actor parts differ in {differing}")
    tally, compare = Tally(), comparer(world)
    for caller in (CLINICIAN, TRACER):
        [reply] = asking.ask_all(world.broker, [{"caller": prober(caller), "subject": world.unknown}])
        compare.compare(reply, tally)
        expect(not reply.answer.records, f"records about an unknown number for the {caller.role}")
    settle(tally)
    return f"{len(bare[0])} bytes the same for an unknown number and a subject not under isolation, handle aside"


def check_every_field(world):
    """Asked for every field of the catalogue, the broker shows what is granted and withholds all the rest by name."""
    names = tuple(world.oracle.rules.fields)
    subjects = world.chance.sample(world.cases.subjects, SAMPLE)
    questions = [{"caller": prober(caller), "subject": subject, "fields": names} for caller in ASKERS for subject in subjects]
    replies = asking.ask_all(world.broker, questions, THREADS)
    tally, compare = Tally(), comparer(world)
    for reply in replies:
        compare.compare(reply, tally, names)
    settle(tally)
    withheld = sum(len(reply.answer.withheld) for reply in replies)
    return (f"{len(names)} fields asked {len(replies)} times: {tally.cells:,} cells shown as granted, "
            f"{withheld:,} fields withheld")


def check_follow_up(world):
    """A handle stands for its subject in later questions of the same recipient."""
    firsts = world.chance.sample([reply for reply in world.replies if reply.caller == TRACER], SAMPLE)
    for first in firsts:
        [later] = asking.ask_all(world.broker, [{"caller": prober(TRACER), "handle": first.answer.handle}])
        expect_equal("handle of a follow-up", later.answer.handle, first.answer.handle)
        if later.days == first.days:        # ages and running orders may change at midnight
            expect(canonical(later.answer) == canonical(first.answer), "a follow-up got another answer")
    return f"{len(firsts)} questions by handle got the same answers"


def stop(world):
    expect(world.broker.alive(), "the server ended by itself")
    expect_equal("exit code of the server", world.broker.stop(), 0)
    return "the server ended in order"
