"""Asks through gRPC, as any client would, and keeps what came back."""

import concurrent.futures
import dataclasses
import random

from disown.v1 import access_pb2

from broker import Caller
from cases import island_day

DEADLINE = 60


@dataclasses.dataclass
class Reply:
    """One answer, with the island's days between which it was made."""

    caller: Caller
    subject: str | None      # JY number
    response: access_pb2.QueryResponse
    days: tuple

    @property
    def answer(self):
        return access_pb2.Answer.FromString(self.response.answer)


def ask(broker, stub, caller, subject=None, handle=None, fields=()):
    """One question. Any error of the call ends the story: the broker has no reason to refuse here."""
    known = described(broker, stub, caller)
    request = access_pb2.QueryRequest(
        terms=caller.terms(), fields=fields, acknowledged=known.handling_digest, ground="".join(known.grounds[:1]))
    if handle is None:
        request.identifier = f"jy:{subject}"
    else:
        request.handle = handle
    before = island_day()
    response = stub.Query(request, metadata=broker.metadata(caller), timeout=DEADLINE)
    return Reply(caller, subject, response, tuple(sorted({before, island_day()})))


def described(broker, stub, caller):
    """What binds a caller, and what it may rely on: read once for its terms."""
    terms = caller.terms().SerializeToString()
    if terms not in broker.described:
        request = access_pb2.DescribeAccessRequest(terms=caller.terms())
        broker.described[terms] = stub.DescribeAccess(request, metadata=broker.metadata(caller), timeout=DEADLINE)
    return broker.described[terms]


def ask_everybody(broker, callers, subjects, threads, chance):
    """Every caller about every subject, in random order, `threads` at a time."""
    questions = [(caller, subject) for caller in callers for subject in subjects]
    chance.shuffle(questions)
    return ask_all(broker, [{"caller": caller, "subject": subject} for caller, subject in questions], threads)


def ask_all(broker, questions, threads=1):
    stub = broker.stub()
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        asked = [pool.submit(ask, broker, stub, **question) for question in questions]
        try:
            return [future.result() for future in asked]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def unknown_number(known, chance):
    """A well-formed number that belongs to nobody."""
    while True:
        number = f"JY{chance.randrange(10 ** 6):06}{chance.choice('ABCD')}"
        if number not in known:
            return number


def new_chance(seed=None):
    """A source of chance and the seed that repeats it."""
    seed = seed if seed is not None else random.SystemRandom().randrange(2 ** 32)
    return random.Random(seed), seed
