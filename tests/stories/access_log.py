"""Verifies the access log with code of its own: hashes, signed notes, inclusion, receipts. Nothing here is the product's."""

import base64
import hashlib
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from checks import expect, expect_equal


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# ------------------------------------------------------------------------------------------ RFC 6962
def leaf_hash(data):
    return sha256(b"\x00", data)


def node_hash(left, right):
    return sha256(b"\x01", left, right)


def root_of(leaves):
    """The root over leaf hashes, by merging equal subtrees as they fill."""
    stack = []                      # (leaves under it, hash)
    for leaf in leaves:
        stack.append((1, leaf))
        while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
            size, right = stack.pop()
            _, left = stack.pop()
            stack.append((2 * size, node_hash(left, right)))
    if not stack:
        return sha256()
    _, root = stack.pop()
    while stack:
        root = node_hash(stack.pop()[1], root)
    return root


def root_from_path(index, size, leaf, path):
    """The root that an inclusion path leads to, by the recursion of RFC 6962 section 2.1.1; None if it does not fit."""
    if not 0 <= index < size:
        return None
    if size == 1:
        return leaf if not path else None
    if not path or len(path[-1]) != 32:
        return None
    left_size = 1 << ((size - 1).bit_length() - 1)
    if index < left_size:
        below = root_from_path(index, left_size, leaf, path[:-1])
        return below and node_hash(below, path[-1])
    below = root_from_path(index - left_size, size - left_size, leaf, path[:-1])
    return below and node_hash(path[-1], below)


# ----------------------------------------------------------------------------------------- signed notes
class Key:
    """A verifier key of a signed note, `name+id+key`, Ed25519."""

    def __init__(self, text):
        self.text = text.strip()
        self.name, key_id, key = self.text.split("+", 2)
        key = base64.b64decode(key, validate=True)
        expect(len(key) == 33 and key[0] == 1, "the key of the log is not an Ed25519 one")
        self.id = sha256(self.name.encode(), b"\n", key)[:4]
        expect_equal("id of the log's key", key_id, self.id.hex())
        self.public = Ed25519PublicKey.from_public_bytes(key[1:])
        self._seen = {}

    def checkpoint(self, note):
        """(size, root) of a checkpoint, once its signature holds."""
        if note not in self._seen:
            text, _, signatures = note.rpartition("\n\n")
            text += "\n"
            expect(any(self.signed(text, line) for line in signatures.splitlines()), "a checkpoint that the log did not sign")
            origin, size, root = text.split("\n")[:3]
            expect_equal("origin of the checkpoint", origin, self.name)
            root = base64.b64decode(root, validate=True)
            expect(size == str(int(size)) and len(root) == 32, "a checkpoint of another form")
            self._seen[note] = int(size), root
        return self._seen[note]

    def signed(self, text, line):
        """Whether a signature line of a note is this key's over its text."""
        dash, name, signature = (line.split(" ") + ["", ""])[:3]
        if dash != "—" or name != self.name:
            return False
        raw = base64.b64decode(signature, validate=True)
        if raw[:4] != self.id:
            return False
        try:
            self.public.verify(raw[4:], text.encode())
        except InvalidSignature:
            return False
        return True


# ---------------------------------------------------------------------------------- the log of this product
def commitment(part, salt, content):
    expect(len(salt) == 16, f"a salt of {len(salt)} bytes")
    return sha256(f"disown.v1/{part}".encode(), salt, content)


def entry_leaf(actor, subject, answer):
    """The leaf over three commitments, version 1."""
    return leaf_hash(b"\x01" + actor + subject + answer)


class Export:
    """An exported log, re-hashed."""

    def __init__(self, path, key):
        with open(path, encoding="utf-8") as lines:
            head = json.loads(next(lines))
            self.size, self.root = key.checkpoint(head["checkpoint"])
            self.entries = [json.loads(line) for line in lines]
        expect_equal("indices in the export", [entry["index"] for entry in self.entries], list(range(self.size)))
        self.actors = [json.loads(entry["actor"]) for entry in self.entries]

    def leaves(self):
        for entry in self.entries:
            unhex = {name: bytes.fromhex(entry[name]) for name in ("actor_salt", "subject_salt", "answer_commitment")}
            yield entry_leaf(
                commitment("actor", unhex["actor_salt"], entry["actor"].encode()),
                commitment("subject", unhex["subject_salt"], entry["subject"].encode()),
                unhex["answer_commitment"])

    def of(self, kind, callers):
        """Indices of the entries of a kind from some callers, by name."""
        return [index for index, actor in enumerate(self.actors) if actor["kind"] == kind and caller_name(actor) in callers]


def caller_name(actor):
    caller = actor.get("caller")
    return caller.get("name") if isinstance(caller, dict) else caller


def check_receipt(response, key, export):
    """That a receipt holds by itself, covers exactly the bytes of its answer, and is the entry that the export has."""
    receipt = response.receipt
    where = f"receipt {receipt.index}"
    answer = commitment("answer", receipt.answer_salt, receipt.answer_part)
    leaf = entry_leaf(commitment("actor", receipt.actor_salt, receipt.actor_part), receipt.subject_commitment, answer)
    size, root = key.checkpoint(receipt.checkpoint)
    led_to = root_from_path(receipt.index, size, leaf, list(receipt.inclusion))
    expect(led_to == root, f"{where} does not lead to its checkpoint")
    digest = sha256(response.answer)
    forms = (digest.hex(), base64.b64encode(digest).decode(), base64.urlsafe_b64encode(digest).decode().rstrip("="))
    part = receipt.answer_part.decode()
    json.loads(part)
    expect(any(form in part for form in forms), f"{where}: its answer part lacks the digest of the answer")
    entry = export.entries[receipt.index]
    expect(entry["actor"].encode() == receipt.actor_part, f"{where}: another actor part than in the export")
    expect(entry["actor_salt"] == receipt.actor_salt.hex(), f"{where}: another salt than in the export")
    expect(entry["answer_commitment"] == answer.hex(), f"{where}: another answer commitment than in the export")
    subject = commitment("subject", bytes.fromhex(entry["subject_salt"]), entry["subject"].encode())
    expect(subject == receipt.subject_commitment, f"{where}: another subject commitment than in the export")
    return size
