"""The story of the real cases: 3,388 people, three datasets, three callers, and an access log that outsiders can check."""

import argparse
import pathlib
import signal
import sys

import cases
import log_steps
import query_steps
from broker import Broker
from checks import Story, Unfinished
from leak_steps import LeakSteps
from vectors import check_vectors
from world import World


def tell(story, world):
    """Every step, in order."""
    story.tell("verifier", check_vectors, world.data / "vectors", vital=True)
    story.tell("cases", query_steps.prepare, world, vital=True)
    story.tell("rules", query_steps.check_rules, world)
    story.tell("serve", query_steps.serve, world, vital=True)
    for dataset in cases.DATASETS:
        story.tell(f"load {dataset}", query_steps.load, world, dataset, vital=True)
    story.tell("ask", query_steps.ask_everybody, world, vital=True)
    story.tell("handles", query_steps.check_handles, world)
    story.tell("answers", query_steps.check_answers, world)
    story.tell("absence", query_steps.check_absence, world)
    story.tell("every field", query_steps.check_every_field, world)
    story.tell("follow-up", query_steps.check_follow_up, world)
    story.tell("receipts, product", log_steps.check_receipts, world)
    story.tell("receipts, forged", log_steps.check_forged_receipts, world)
    story.tell("log", log_steps.export_log, world, vital=True)
    story.tell("log, product", log_steps.verify_log, world)
    story.tell("log, own code", log_steps.rehash_log, world)
    story.tell("receipts, own code", log_steps.rehash_receipts, world)
    story.tell("releases", log_steps.count_releases, world)
    story.tell("bundle", log_steps.check_bundle, world)
    leaks = LeakSteps(world)
    story.tell("leaks, serving", leaks.scan)
    story.tell("leaks, planted", leaks.find_planted)
    story.tell("stop", query_steps.stop, world)
    story.tell("leaks, stopped", leaks.scan)
    story.tell("log, stopped", log_steps.verify_database, world)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--disown", type=pathlib.Path, required=True, help="the product's binary")
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with ds4c/, shift_dates.py ...")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="an empty folder to work in")
    parser.add_argument("--seed", type=int, help="repeats the order of an earlier run")
    arguments = parser.parse_args()
    # So that a stopped story stops its broker, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    work = arguments.work.resolve()
    (work / "output").mkdir()
    broker = Broker(arguments.disown.resolve(), work / "deployment", work / "output")
    world = World(arguments.data.resolve(), work, broker, arguments.seed)
    story = Story()
    try:
        tell(story, world)
    except Unfinished as step:
        print(f"FAILED  the rest: nothing can follow without `{step}`")
    finally:
        broker.stop()
    return story.end()


if __name__ == "__main__":
    sys.exit(main())
