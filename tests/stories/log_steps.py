"""Steps: the access log, as the product verifies it and as others do."""

import base64
import collections
import json
import subprocess
import sys

from google.protobuf import json_format

from access_log import Export, Key, check_receipt, root_of
from broker import ASKERS, AUDITOR
from checks import expect, expect_equal

VERIFIERS = ("inclusion, pymerkle", "inclusion, sigstore", "inclusion, RFC 9162 text")


def as_line(response):
    return json.dumps(json_format.MessageToDict(response)) + "\n"


def flipped(encoded, at):
    """Base64 with one bit of one byte turned over."""
    raw = bytearray(base64.b64decode(encoded))
    raw[at % len(raw)] ^= 1
    return base64.b64encode(raw).decode()


def check_receipts(world):
    path = world.work / "responses.jsonl"
    with path.open("w", encoding="utf-8") as lines:
        lines.writelines(as_line(reply.response) for reply in world.replies)
    _, report = world.broker.command_json("log", "check-receipt", str(path), "--key", world.broker.key, "--json")
    expect_equal("receipts checked", report["checked"], len(world.replies))
    expect_equal("receipts that do not hold", report["failed"], [])
    few = world.work / "two-responses.jsonl"
    few.write_text("".join(as_line(reply.response) for reply in world.replies[:2]), "utf-8")
    told = world.broker.command("log", "check-receipt", str(few), "--key", world.broker.key).stdout
    expect("2 receipts hold" in told, f"check-receipt says {told.strip()!r}")
    return f"{report['checked']:,} hold offline, by `disownctl log check-receipt`"


def check_forged_receipts(world):
    """Each part of a response that is tampered with makes its receipt fail."""
    good = next(reply.response for reply in world.replies if len(reply.response.receipt.inclusion) > 1)
    tampered = [("answer", ("answer",)), ("actor part", ("receipt", "actorPart")),
                ("subject commitment", ("receipt", "subjectCommitment")), ("answer part", ("receipt", "answerPart")),
                ("path", ("receipt", "inclusion", 0))]
    for name, way in tampered:
        response = json_format.MessageToDict(good)
        place = response
        for step in way[:-1]:
            place = place[step]
        place[way[-1]] = flipped(place[way[-1]], 5)
        path = world.work / "forged.jsonl"
        path.write_text(json.dumps(response) + "\n", "utf-8")
        code = world.broker.command("log", "check-receipt", str(path), "--key", world.broker.key, codes=range(256)).returncode
        expect_equal(f"exit code for a response with another {name}", code, 1)
    return f"{len(tampered)} of {len(tampered)} forgeries refused"


def export_log(world):
    world.key = Key(open(world.broker.key, encoding="utf-8").read())
    path = world.work / "log.jsonl"
    world.broker.command("log", "export", "--out", str(path), caller=AUDITOR)
    world.export = Export(path, world.key)
    kinds = collections.Counter(actor["kind"] for actor in world.export.actors)
    told = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
    return f"{world.export.size:,} entries exported ({told}); checkpoint signed by the key of log.vkey"


def verify_log(world):
    path = world.work / "log.jsonl"
    verify = ("log", "verify", "--export")
    world.broker.command(*verify, str(path), "--key", world.broker.key)
    verify_database(world)
    # One digit of one salt, in the middle of the log.
    lines = path.read_text("utf-8").splitlines(keepends=True)
    at = len(lines) // 2
    entry = json.loads(lines[at])
    entry["actor_salt"] = ("1" if entry["actor_salt"][0] == "0" else "0") + entry["actor_salt"][1:]
    lines[at] = json.dumps(entry) + "\n"
    forged = world.work / "forged-log.jsonl"
    forged.write_text("".join(lines), "utf-8")
    code = world.broker.command(*verify, str(forged), "--key", world.broker.key, codes=range(256)).returncode
    expect_equal("exit code for a log with another salt", code, 1)
    return "`disownctl log verify` passes the export and the database, and refuses an export with one digit changed"


def verify_database(world):
    database = world.broker.directory / "data/control.sqlite"
    world.broker.command("log", "verify", "--database", str(database), "--key", world.broker.key)
    return "`disownctl log verify` passes the database"


def rehash_log(world):
    expect_equal("root over the exported entries", root_of(world.export.leaves()).hex(), world.export.root.hex())
    return f"{world.export.size:,} leaves re-hashed to the signed root {world.export.root.hex()[:16]}"


def rehash_receipts(world):
    sizes = {check_receipt(reply.response, world.key, world.export) for reply in world.replies}
    return f"{len(world.replies):,} receipts re-hashed to {len(sizes):,} signed roots, and the same in the export"


def count_releases(world):
    names = {caller.name for caller in ASKERS}
    entries, answers = world.export.of("release", names), len(world.replies)
    expect_equal("release entries of the three callers", len(entries), answers)
    indices = {reply.response.receipt.index for reply in world.replies}
    expect_equal("different indices in the receipts", len(indices), answers)
    expect(indices == set(entries), "the receipts name other entries than the export has of these callers")
    expect_equal("denials of the three callers", world.export.of("denial", names), [])
    return f"{len(entries):,} release entries for {answers:,} answers, one each"


def check_bundle(world):
    """The bundle of a release, before others' verifiers."""
    index = world.chance.choice(world.replies).response.receipt.index
    # An older size at which the log published a head, as a recipient has one in hand.
    sizes = {world.key.checkpoint(reply.response.receipt.checkpoint)[0] for reply in world.replies}
    old = world.chance.choice(sorted(size for size in sizes if size < world.export.size))
    path = world.work / "bundle.json"
    world.broker.command("log", "bundle", str(index), "--old-size", str(old), "--key", world.broker.key, "--out", str(path), caller=AUDITOR)
    code, told = verify_outside(world, path)
    expect_equal(f"exit code of verify_log.py ({told.strip()[-300:]})", code, 0)
    for verifier in (*VERIFIERS, f"consistency {old} -> "):
        expect(f"OK   {verifier}" in told, f"verify_log.py does not pass: {verifier}\n{told}")
    bundle = json.loads(path.read_text("utf-8"))
    # Which verifiers must each see the flip; in a checkpoint the signature breaks, and nothing else is looked at.
    flips = {"leaf_b64": VERIFIERS, "inclusion_b64": VERIFIERS, "consistency_b64": (f"consistency {old} -> ",),
             "checkpoint": (), "old_checkpoint": ()}
    for name, verifiers in flips.items():
        path.write_text(json.dumps({**bundle, name: flip(bundle[name])}), "utf-8")
        code, told = verify_outside(world, path)
        refused = code != 0 and all(f"FAIL {verifier}" in told for verifier in verifiers)
        expect(refused, f"verify_log.py passes a bundle with a byte of {name} flipped:\n{told}")
    return (f"entry {index:,}, old size {old:,}: passes {len(VERIFIERS)} verifiers of others and consistency; "
            f"{len(flips)} of {len(flips)} flipped bytes refused")


def flip(value):
    if isinstance(value, list):
        return [flipped(value[0], 3), *value[1:]]
    if "\n" in value:
        # The first digit of the root in a checkpoint: its third line.
        lines = value.split("\n")
        lines[2] = ("B" if lines[2][0] == "A" else "A") + lines[2][1:]
        return "\n".join(lines)
    return flipped(value, 3)


def verify_outside(world, bundle):
    done = subprocess.run(
        [sys.executable, str(world.data / "verify_log.py"), str(bundle)], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr
