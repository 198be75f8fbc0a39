"""Holds the verifier of access_log.py against published vectors: a verifier that passes everything would prove nothing."""

import base64
import json

from access_log import Key, leaf_hash, root_from_path, root_of
from checks import Mismatch, expect, expect_equal


def check_vectors(folder):
    trees, proofs, notes = check_roots(folder), check_inclusion(folder), check_notes(folder)
    return f"{trees} roots, {proofs} inclusion proofs, {notes} signed notes as published"


def check_roots(folder):
    tree = json.loads((folder / "merkle/ct_reference_tree.json").read_text("utf-8"))
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in tree["leaves_hex"]]
    for size, root in enumerate(tree["roots_hex_by_size"], 1):
        expect_equal(f"root of {size} leaves", root_of(leaves[:size]).hex(), root)
    return len(tree["roots_hex_by_size"])


def check_inclusion(folder):
    proofs = json.loads((folder / "merkle/tdev_inclusion.json").read_text("utf-8"))
    for name, proof in proofs.items():
        path = [base64.b64decode(node) for node in proof["proof"] or []]
        root = base64.b64decode(proof["root"] or "")
        leaf = base64.b64decode(proof["leafHash"] or "")
        found = root_from_path(proof["leafIdx"], proof["treeSize"], leaf, path)
        holds = len(leaf) == 32 and found is not None and found == root
        expect_equal(name, holds, not proof["wantErr"])
    return len(proofs)


def check_notes(folder):
    heads = json.loads((folder / "notes/sumdb_real_tree_heads.json").read_text("utf-8"))
    # These logs sign under another name than their origin line, so the origin is set aside here.
    key = Key(heads["vkey"])
    for head in heads["notes"]:
        expect(opens(key, head["note"]) == (head["expect"] == "ok"), f"signed note: {head['where']}")
        spoiled = head["note"].replace("\n", "\n1", 1)
        expect(not opens(key, spoiled), f"signed note with another size: {head['where']}")
    return 2 * len(heads["notes"])


def opens(key, note):
    text, _, signatures = note.rpartition("\n\n")
    try:
        return any(key.signed(text + "\n", line) for line in signatures.splitlines())
    except (Mismatch, ValueError):
        return False
