"""Tells each step in one line, and counts how they went."""

import time
import traceback


class Mismatch(Exception):
    """The product did something else than it should."""


class Unfinished(Exception):
    """A step failed that all later ones stand on."""


def expect(condition, message):
    # Not `assert`: that one is gone under `python -O`.
    if not condition:
        raise Mismatch(message)


def expect_equal(what, actual, expected):
    expect(actual == expected, f"{what}: {actual!r} instead of {expected!r}")


class Story:
    """The steps told so far."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.started = time.monotonic()

    def tell(self, name, step, *arguments, vital=False):
        """Runs a step, which returns what to say of it. After a vital one that fails nothing can follow."""
        start = time.monotonic()
        try:
            told = step(*arguments)
        except Exception as error:
            self.failed += 1
            print(f"FAILED  {name}: {error}", flush=True)
            if not isinstance(error, Mismatch):
                traceback.print_exc()
            if vital:
                raise Unfinished(name) from error
            return
        self.passed += 1
        print(f"ok      {name}: {told} [{time.monotonic() - start:.1f} s]", flush=True)

    def end(self):
        """Prints the summary and returns the exit code."""
        print(f"took {time.monotonic() - self.started:.0f} s")
        print(f"stories: {self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0
