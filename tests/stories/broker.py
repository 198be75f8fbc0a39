"""The product from outside: its command line, its process, its tokens."""

import dataclasses
import itertools
import json
import os
import re
import subprocess
import threading
import time

import grpc
from disown.v1 import access_pb2_grpc, common_pb2

from checks import expect

# A token is good for ten minutes; it is renewed well before.
TOKEN_RENEWED_AFTER = 300
START_TIMEOUT = 60
COMMAND_TIMEOUT = 300


@dataclasses.dataclass(frozen=True)
class Caller:
    """Who asks, and under which terms."""

    name: str
    organisation: str
    role: str
    purpose: str
    agreement: str
    case: str

    def terms(self):
        return common_pb2.Terms(
            role=self.role, purpose=self.purpose, agreement=self.agreement, case_reference=self.case)

    def options(self):
        return ["--role", self.role, "--purpose", self.purpose, "--agreement", self.agreement, "--case", self.case]

    def named(self, name):
        """The same terms for somebody else of the organisation."""
        return dataclasses.replace(self, name=name)


REGISTRAR = Caller("story-registrar", "jersey-population-office", "registrar", "registration", "registers", "REG-2026-01")
AUDITOR = Caller("story-auditor", "jersey-audit-office", "auditor", "audit", "audit", "AU-0001")
CLINICIAN = Caller(
    "story-clinician", "health-and-care-jersey", "clinician", "clinical_care", "clinical-care", "ENC-20260001")
TRACER = Caller(
    "story-tracer", "public-health-jersey", "contact_tracer", "contact_tracing", "contact-tracing", "CT-000123")
OFFICER = Caller(
    "story-officer", "states-of-jersey-police", "police_officer", "isolation_enforcement", "sojp-isolation",
    "AB-2026-000123")
ASKERS = (CLINICIAN, TRACER, OFFICER)


class Broker:
    """One deployment and the process that serves it."""

    def __init__(self, binary, directory, output):
        self.binary = str(binary)
        self.directory = directory
        self.output = output            # what every process said, to be scanned for leaks as well
        self.telemetry = output / "telemetry"
        self.config = str(directory / "disown.toml")
        self.key = str(directory / "log.vkey")
        self.process = None
        self.address = None
        self.channel = None
        self._runs = itertools.count(1)
        self._tokens = {}
        self.described = {}
        self._lock = threading.Lock()
        self.issued = []

    def lay_out(self):
        self.command("init", str(self.directory), "--development", "--listen", "127.0.0.1:0")
        # Everybody is asked about in one day, by one caller of a role.
        for agreement in (self.directory / "policies" / "agreements").glob("*.toml"):
            text = agreement.read_text(encoding="utf-8")
            agreement.write_text(re.sub(r"(_per_day = )\d+", r"\g<1>1000000", text), encoding="utf-8")

    def start(self):
        with open(self.telemetry, "ab") as stderr:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--config", self.config, "--development", "--telemetry", "trace"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr)
        listening = threading.Event()
        # Read to the end in a thread of its own: a full pipe would stop the server.
        threading.Thread(target=self._read_stdout, args=(self.process.stdout, listening), daemon=True).start()
        deadline = time.monotonic() + START_TIMEOUT
        while not listening.wait(0.05):
            expect(self.process.poll() is None, f"the server ended with {self.process.poll()}: {self.last_words()}")
            expect(time.monotonic() < deadline, f"not serving after {START_TIMEOUT} s: {self.last_words()}")
        self.channel = grpc.insecure_channel(self.address)

    def _read_stdout(self, stdout, listening):
        with open(self.output / "serve.stdout", "ab") as copy:
            for line in stdout:
                copy.write(line)
                copy.flush()
                if line.startswith(b"listening on ") and not self.address:
                    self.address = line.removeprefix(b"listening on ").decode().strip()
                    listening.set()

    def stop(self):
        """Ends the server, and only this one: by the handle of the process that was started here."""
        if self.channel:
            self.channel.close()
            self.channel = None
        if not self.process:
            return None
        self.process.terminate()
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.process = None
        return code

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def last_words(self):
        with open(self.telemetry, "rb") as telemetry:
            telemetry.seek(max(0, os.path.getsize(self.telemetry) - 600))
            return telemetry.read().decode(errors="replace").strip()

    def stub(self):
        return access_pb2_grpc.AccessServiceStub(self.channel)

    def token(self, caller):
        key = (caller.name, caller.organisation, caller.role)
        with self._lock:
            token, issued = self._tokens.get(key, (None, 0))
            if token is None or time.monotonic() - issued > TOKEN_RENEWED_AFTER:
                token = self.command(
                    "token", "--config", self.config, "--caller", caller.name, "--organisation", caller.organisation,
                    "--role", caller.role, kept=False).stdout.strip()
                expect(token.count(".") == 2, "`disownctl token` printed something else than a token")
                self._tokens[key] = (token, time.monotonic())
                self.issued.append(token)
            return token

    def metadata(self, caller):
        return (("authorization", f"Bearer {self.token(caller)}"),)

    def command(self, *arguments, caller=None, codes=(0,), kept=True):
        """Runs one command, as a client of the server if there is a caller; any other exit code is a failure."""
        environment = dict(os.environ)
        arguments = [self.binary, *arguments]
        if caller:
            arguments += ["--server", f"http://{self.address}", *caller.options()]
            environment["DISOWN_TOKEN"] = self.token(caller)
        done = subprocess.run(
            arguments, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="surrogateescape", timeout=COMMAND_TIMEOUT)
        run = next(self._runs)
        for stream in ("stdout", "stderr") if kept else ("stderr",):
            text = getattr(done, stream).encode(errors="surrogateescape")
            (self.output / f"{run:03}-{arguments[1]}.{stream}").write_bytes(text)
        expect(done.returncode in codes, "`disown {}` ended with {}: {}".format(
            " ".join(arguments[1:4]), done.returncode, (done.stderr or done.stdout).strip()[-400:]))
        return done

    def command_json(self, *arguments, **options):
        done = self.command(*arguments, **options)
        try:
            return done.returncode, json.loads(done.stdout)
        except ValueError:
            expect(False, f"`disown {arguments[0]}` printed no JSON object: {done.stdout[:200]!r}")
