//! The log's formats against implementations and test vectors of others.
//!
//! `DISOWN_VECTORS` names a folder with published vectors; without it only the
//! comparison with other implementations runs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::HashMap, env, fs, path::PathBuf, sync::LazyLock};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use disown::access_log::checkpoint::{
    Checkpoint, InvalidCheckpoint, InvalidKey, InvalidNote, LogKey, LogSigner, open_note,
};
use disown::access_log::merkle::{Frontier, Hash, NodeId, empty_root, leaf_hash, node_hash};
use disown::access_log::proof::{self, InvalidProof, OutOfTree, Span};
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::tlog as theirs;

// Trees and their proofs, against `tlog_tiles`.

/// A log as a store would keep it: ours, and that of the other implementation.
#[derive(Default)]
struct Log {
    leaves: Vec<Hash>,
    roots: Vec<Hash>,
    frontier: Frontier,
    nodes: HashMap<NodeId, Hash>,
    theirs: Vec<theirs::Hash>,
}

/// The reader that the other implementation asks for its stored hashes.
struct Stored<'a>(&'a [theirs::Hash]);

impl theirs::HashReader for Stored<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<theirs::Hash>, theirs::Error> {
        let read = |&index: &u64| self.0[usize::try_from(index).unwrap()];
        Ok(indexes.iter().map(read).collect())
    }
}

fn their(hash: &Hash) -> theirs::Hash {
    theirs::Hash(*hash.as_bytes())
}

impl Log {
    fn new(leaves: &[Vec<u8>]) -> Self {
        let roots = vec![empty_root()];
        let mut log = Self { roots, ..Self::default() };
        for (position, data) in (0..).zip(leaves) {
            let leaf = leaf_hash(data);
            log.leaves.push(leaf);
            log.nodes.insert(NodeId { level: 0, position }, leaf);
            log.nodes.extend(log.frontier.push(leaf));
            log.roots.push(log.frontier.root());
            let new = theirs::stored_hashes(position, data, &Stored(&log.theirs)).unwrap();
            log.theirs.extend(new);
        }
        log
    }

    fn leaf(&self, index: u64) -> &Hash {
        &self.leaves[usize::try_from(index).unwrap()]
    }

    fn root(&self, size: u64) -> &Hash {
        &self.roots[usize::try_from(size).unwrap()]
    }

    fn read(&self, nodes: Vec<NodeId>) -> Vec<Hash> {
        nodes.iter().map(|node| self.nodes[node]).collect()
    }

    fn path(&self, spans: Vec<Span>) -> Vec<Hash> {
        let fold = |span: &Span| span.fold(&self.read(span.nodes())).unwrap();
        spans.iter().map(fold).collect()
    }

    /// Our roots and proofs are those of the other implementation, and hold.
    fn compare(&self, index: u64, old: u64, size: u64) {
        let (stored, root) = (Stored(&self.theirs), self.root(size));
        let frontier = Frontier::at(size, self.read(Frontier::nodes_of(size))).unwrap();
        assert_eq!((frontier.size(), frontier.root()), (size, *root));
        assert_eq!(theirs::tree_hash(size, &stored).unwrap(), their(root));

        let path = self.path(proof::inclusion(index, size).unwrap());
        let their_path: Vec<_> = path.iter().map(their).collect();
        assert_eq!(theirs::prove_record(size, index, &stored).unwrap(), their_path);
        assert!(verdict_on_inclusion(self.leaf(index), index, size, &path, root));

        let path = self.path(proof::consistency(old, size).unwrap());
        let their_path: Vec<_> = path.iter().map(their).collect();
        assert_eq!(theirs::prove_tree(size, old, &stored).unwrap(), their_path);
        assert!(verdict_on_consistency(old, self.root(old), size, root, &path));
    }
}

/// What both implementations say of a proof.
fn verdict_on_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    let ours = proof::verify_inclusion(leaf, index, size, path, root).is_ok();
    let path = path.iter().map(their).collect();
    let theirs = theirs::check_record(&path, size, their(root), index, their(leaf));
    assert_eq!(ours, theirs.is_ok(), "leaf {index} of {size}, {path:?}");
    ours
}

/// What both implementations say of a proof.
fn verdict_on_consistency(old: u64, old_root: &Hash, new: u64, root: &Hash, path: &[Hash]) -> bool {
    let ours = proof::verify_consistency(old, old_root, new, root, path).is_ok();
    let path = path.iter().map(their).collect();
    let theirs = theirs::check_tree(&path, new, their(root), old, their(old_root));
    assert_eq!(ours, theirs.is_ok(), "{old} of {new}, {path:?}");
    ours
}

#[test]
fn every_proof_of_every_small_tree_agrees() {
    let log = Log::new(&(0..70u8).map(|number| vec![number]).collect::<Vec<_>>());
    for size in 1..=70 {
        for index in 0..size {
            log.compare(index, index + 1, size);
        }
    }
}

#[test]
fn what_is_not_in_the_tree_has_no_proof() {
    let root = empty_root();
    for (index, size) in [(0, 0), (3, 3), (u64::MAX, 3)] {
        assert_eq!(proof::inclusion(index, size), Err(OutOfTree));
        let verdict = proof::verify_inclusion(&root, index, size, &[], &root);
        assert_eq!(verdict, Err(InvalidProof::OutOfTree(OutOfTree)));
    }
    for (old, new) in [(0, 0), (0, 3), (4, 3)] {
        assert_eq!(proof::consistency(old, new), Err(OutOfTree));
        let verdict = proof::verify_consistency(old, &root, new, &root, &[]);
        assert_eq!(verdict, Err(InvalidProof::OutOfTree(OutOfTree)));
    }
    assert_eq!(proof::consistency(3, 3).unwrap(), []);
    // Three leaves are two perfect subtrees, no more and no less.
    let span = proof::consistency(4, 7).unwrap()[0];
    for (count, right) in [(0, false), (1, false), (2, true), (3, false)] {
        assert_eq!(Frontier::at(3, vec![root; count]).is_ok(), right);
        assert_eq!(span.fold(&vec![root; count]).is_some(), right);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Some true things about a tree, some about another one, and a path with
    /// or without a fault.
    #[test]
    fn altered_proofs_get_the_same_verdict(
        truth in (0..40u64, 1..=40u64, 1..=40u64),
        lie in (0..40u64, 1..=40u64, 1..=40u64),
        lies: [bool; 5],
        (fault, place, bit) in (0..8, any::<prop::sample::Index>(), 0..8),
    ) {
        static LOG: LazyLock<Log> = LazyLock::new(|| {
            Log::new(&(0..40u8).map(|number| vec![number]).collect::<Vec<_>>())
        });
        let alter = |spans: Vec<Span>| {
            let mut path = LOG.path(spans);
            let place = place.index(path.len().max(1));
            match (fault, path.get(place).copied()) {
                (0, Some(hash)) => path.insert(place, hash),
                (1, Some(_)) => drop(path.remove(place)),
                (2, Some(hash)) => {
                    let mut bytes = *hash.as_bytes();
                    bytes[place] ^= 1u8 << bit;
                    path[place] = Hash::from_bytes(bytes);
                }
                (3, _) => path.reverse(),
                (4, _) => path.push(empty_root()),
                _ => {}
            }
            path
        };
        let say = |which: usize, truth: u64, lie: u64| if lies[which] { lie } else { truth };
        let (index, old, size) = (say(0, truth.0, lie.0), say(1, truth.1, lie.1), say(2, truth.2, lie.2));
        let (old_root, root) = (LOG.root(say(3, truth.1, lie.1)), LOG.root(say(4, truth.2, lie.2)));
        if let Ok(spans) = proof::inclusion(truth.0, truth.2) {
            verdict_on_inclusion(LOG.leaf(truth.0), index, size, &alter(spans), root);
        }
        if let Ok(spans) = proof::consistency(truth.1, truth.2) {
            verdict_on_consistency(old, old_root, size, root, &alter(spans));
        }
    }
}

proptest! {
    #[test]
    fn random_trees_agree(
        leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 1..600),
        picks: [u64; 3],
    ) {
        let log = Log::new(&leaves);
        let size = picks[0] % log.frontier.size() + 1;
        log.compare(picks[1] % size, picks[2] % size + 1, size);
    }

    /// A tree whose leaves are all alike has one hash for each level, so that
    /// even the largest sizes can be tried.
    #[test]
    fn the_largest_trees_work(size in 1..=u64::MAX, picks: [u64; 2]) {
        let mut levels = vec![leaf_hash(b"alike")];
        for level in 0..63 {
            levels.push(node_hash(&levels[level], &levels[level]));
        }
        let read = |nodes: Vec<NodeId>| -> Vec<Hash> {
            nodes.iter().map(|node| levels[usize::from(node.level)]).collect()
        };
        let root = |size| Frontier::at(size, read(Frontier::nodes_of(size))).unwrap().root();
        let path = |spans: Vec<Span>| -> Vec<Hash> {
            spans.iter().map(|span| span.fold(&read(span.nodes())).unwrap()).collect()
        };
        let (index, old) = (picks[0] % size, picks[1] % size + 1);
        let proof = path(proof::inclusion(index, size).unwrap());
        proof::verify_inclusion(&levels[0], index, size, &proof, &root(size)).unwrap();
        let proof = path(proof::consistency(old, size).unwrap());
        proof::verify_consistency(old, &root(old), size, &root(size), &proof).unwrap();
    }

    #[test]
    fn hostile_proofs_are_refused(numbers: [u64; 2], path: Vec<[u8; 32]>, roots: [[u8; 32]; 3]) {
        let path: Vec<_> = path.into_iter().map(Hash::from_bytes).collect();
        let [leaf, old_root, root] = roots.map(Hash::from_bytes);
        for [a, b] in [numbers, [1 << 63, u64::MAX], [1 << 63, (1 << 63) + 1], [u64::MAX - 1, u64::MAX]] {
            prop_assert!(proof::verify_inclusion(&leaf, a, b, &path, &root).is_err());
            prop_assert!(proof::verify_consistency(a, &old_root, b, &root, &path).is_err());
        }
    }
}

// Keys, notes and checkpoints, against `signed_note` and `tlog_tiles`.

/// The text of a note that the other implementation believes.
fn their_text(note: &str, key: &LogKey) -> Option<Vec<u8>> {
    let key = StandardVerifier::new(&key.to_string()).unwrap();
    let note = Note::from_bytes(note.as_bytes()).ok()?;
    note.verify(&VerifierList::new(vec![Box::new(key)])).ok()?;
    Some(note.text().to_vec())
}

/// A note with any text, signed with a key of this name.
fn signed(name: &str, text: &str) -> (String, LogKey) {
    let key = LogSigner::new(name, &[7; 32]).unwrap().key();
    let signature = SigningKey::from_bytes(&[7; 32]).sign(text.as_bytes());
    let signature = BASE64.encode([key.id().as_slice(), &signature.to_bytes()].concat());
    (format!("{text}\n— {name} {signature}\n"), key)
}

proptest! {
    #[test]
    fn the_other_implementation_opens_our_checkpoints(seed: [u8; 32], size: u64, root: [u8; 32]) {
        let signer = LogSigner::new("disown.example/log", &seed).unwrap();
        let (key, root) = (signer.key(), Hash::from_bytes(root));
        let checkpoint = signer.sign(size, &root);
        let opened = Checkpoint::open(checkpoint.note(), &key).unwrap();
        prop_assert_eq!(&opened, &checkpoint);
        prop_assert_eq!((opened.origin(), opened.size(), opened.root()), (key.name(), size, &root));
        prop_assert_eq!(&LogKey::parse(&key.to_string()).unwrap(), &key);
        let text = their_text(checkpoint.note(), &key).unwrap();
        let theirs = tlog_tiles::checkpoint::Checkpoint::from_bytes(&text).unwrap();
        prop_assert_eq!((theirs.origin(), theirs.size()), (key.name(), size));
        prop_assert_eq!(*theirs.hash(), their(&root));
    }
}

#[test]
fn keys_are_strict() {
    let key = LogSigner::new("log", &[7; 32]).unwrap().key().to_string();
    let (id, public) = (&key[4..12], &key[13..]);
    assert_eq!(LogKey::parse(&format!("log+{id}+{public}")).unwrap().to_string(), key);
    let upper = id.to_uppercase();
    assert_ne!(id, upper);
    for (name, id) in [("log", upper.as_str()), ("log", "00000000"), ("lag", id), ("log", "")] {
        let parsed = LogKey::parse(&format!("{name}+{id}+{public}"));
        assert_eq!(parsed, Err(InvalidKey::Id), "{name} {id}");
    }
    // Only type 1 is Ed25519, and anybody can sign for the neutral point.
    let mut other_type = BASE64.decode(public).unwrap();
    other_type[0] = 4;
    let mut neutral = vec![0; 33];
    (neutral[0], neutral[1]) = (1, 1);
    for public in [other_type, neutral] {
        let id = hex::encode(&Sha256::digest([b"log\n".as_slice(), &public].concat())[..4]);
        let parsed = LogKey::parse(&format!("log+{id}+{}", BASE64.encode(public)));
        assert_eq!(parsed, Err(InvalidKey::Form));
    }
}

#[test]
fn every_altered_bit_of_a_checkpoint_is_noticed() {
    let signer = LogSigner::new("log", &[7; 32]).unwrap();
    let checkpoint = signer.sign(12, &leaf_hash(b"root"));
    let note = checkpoint.note();
    assert!(their_text(note, &signer.key()).is_some());
    for bit in 0..note.len() * 8 {
        let mut altered = note.as_bytes().to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        let Ok(altered) = String::from_utf8(altered) else {
            continue;
        };
        assert!(Checkpoint::open(&altered, &signer.key()).is_err(), "{altered:?}");
        assert_eq!(their_text(&altered, &signer.key()), None, "{altered:?}");
    }
}

#[test]
fn checkpoints_and_notes_are_strict() {
    let root = BASE64.encode([1; 32]);
    let open = |text: &str| {
        let (note, key) = signed("log", text);
        Checkpoint::open(&note, &key).map(|opened| opened.size())
    };
    assert_eq!(open(&format!("log\n0\n{root}\n")), Ok(0));
    assert_eq!(open(&format!("log\n7\n{root}\nextension\nanother\n")), Ok(7));
    assert_eq!(open(&format!("other\n7\n{root}\n")), Err(InvalidCheckpoint::Origin));
    for size in ["", "+7", "07", "00", "-1", " 7", "7 ", "0x7", "18446744073709551616"] {
        assert_eq!(open(&format!("log\n{size}\n{root}\n")), Err(InvalidCheckpoint::Form));
    }
    let short = BASE64.encode([1; 31]);
    for root in ["", &short, &root[..43], &root.replace("E=", "F="), &format!("{root} ")] {
        assert_eq!(open(&format!("log\n7\n{root}\n")), Err(InvalidCheckpoint::Form));
    }
    for end in ["\n", "\nextension\n", "extension\n\n"] {
        assert_eq!(open(&format!("log\n7\n{root}\n{end}")), Err(InvalidCheckpoint::Form));
    }
    for name in ["", "a b", "a+b", "a\u{a0}b", "a\nb", "a\u{1}b"] {
        assert!(LogSigner::new(name, &[7; 32]).is_err());
    }

    let (note, key) = signed("log", "text\n");
    let line = &note["text\n\n".len()..];
    let unknown = |count| signed("witness", "other\n").0["other\n\n".len()..].repeat(count);
    assert_eq!(open_note(&format!("{note}{}", unknown(99)), &key), Ok("text\n"));
    assert_eq!(open_note(&format!("{note}{}", unknown(100)), &key), Err(InvalidNote::TooLarge));
    assert_eq!(open_note(&format!("{note}{line}"), &key), Err(InvalidNote::Repeated));
    assert_eq!(open_note(&format!("text\n\n{}", unknown(1)), &key), Err(InvalidNote::Unsigned));
    // Only name and id together make a known key.
    let other_id = BASE64.encode([[0; 4].as_slice(), &[1; 64]].concat());
    for ignored in [line.replace("log", "lag"), format!("— log {other_id}\n")] {
        assert_eq!(open_note(&format!("{note}{ignored}"), &key), Ok("text\n"));
    }
    for bad in ["— a+b AAAAAAA=", "— a\u{a0}b AAAAAAA=", "— log AAAAAA==", "- log AAAAAAA=", ""] {
        let opened = open_note(&format!("{note}{bad}\n"), &key).map(drop);
        assert_eq!(opened, Err(InvalidNote::Form), "{bad}");
    }
    let false_signature = BASE64.encode([key.id().as_slice(), &[1; 64]].concat());
    let opened = open_note(&format!("text\n\n— log {false_signature}\n"), &key).map(drop);
    assert_eq!(opened, Err(InvalidNote::Signature));
    let (large, key) = signed("log", &format!("{}\n", "x".repeat(1_000_000)));
    assert_eq!(open_note(&large, &key), Err(InvalidNote::TooLarge));
    for bad in ["\r", "\t", "\0", "\u{1f}"] {
        let (note, key) = signed("log", &format!("text{bad}\n"));
        assert_eq!(open_note(&note, &key), Err(InvalidNote::Form));
    }
}

// Published vectors.

/// The published vectors, when there are any here.
struct Vectors(PathBuf);

impl Vectors {
    fn read(&self, file: &str) -> Value {
        let text = fs::read_to_string(self.0.join(file)).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

/// The upstream verifiers take hashes of any length. Ours are 32 bytes by type:
/// that refuses the empty ones, and other stand-ins are hashed to that length,
/// which keeps what is equal equal.
fn hash(value: &Value) -> Option<Hash> {
    let bytes = bytes(value);
    match bytes.len() {
        0 | 32 => Hash::try_from(bytes.as_slice()).ok(),
        _ => Some(leaf_hash(&bytes)),
    }
}

fn hashes(value: &Value) -> Option<Vec<Hash>> {
    // A path without hashes may be `null`.
    let path = value.as_array().map(Vec::as_slice).unwrap_or_default();
    path.iter().map(hash).collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    BASE64.decode(text(value)).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

#[test]
fn outside_vectors() {
    let Some(folder) = env::var_os("DISOWN_VECTORS") else {
        println!("SKIPPED outside vectors: DISOWN_VECTORS is not set");
        return;
    };
    let vectors = Vectors(folder.into());
    reference_tree(&vectors);
    let inclusion = inclusion_vectors(&vectors);
    let consistency = consistency_vectors(&vectors);
    let notes = note_vectors(&vectors) + key_vectors(&vectors) + checkpoint_vectors(&vectors);
    println!("vectors: {inclusion} inclusion, {consistency} consistency, {notes} notes");
}

fn reference_tree(vectors: &Vectors) {
    let tree = vectors.read("merkle/ct_reference_tree.json");
    let is = |hash: Hash, name: &str| assert_eq!(hash.to_string(), text(&tree[name]), "{name}");
    is(empty_root(), "empty_root");
    is(leaf_hash(b""), "empty_leaf_hash");
    is(leaf_hash(b"L123456"), "leaf_hash_of_L123456");
    println!("not for this verifier: node_hash_of_N123_N456: its inputs are not 32 bytes, which ours are by type");
    let mut frontier = Frontier::new();
    let leaves = array(&tree["leaves_hex"]).iter();
    for (leaf, root) in leaves.zip(array(&tree["roots_hex_by_size"])) {
        frontier.push(leaf_hash(&hex::decode(text(leaf)).unwrap()));
        assert_eq!(frontier.root().to_string(), text(root));
    }
    assert_eq!(frontier.size(), 8);
}

fn inclusion_vectors(vectors: &Vectors) -> usize {
    let cases = vectors.read("merkle/tdev_inclusion.json");
    let cases = cases.as_object().unwrap();
    for (name, case) in cases {
        let verdict = || {
            let (leaf, root) = (hash(&case["leafHash"])?, hash(&case["root"])?);
            let (index, size) = (number(&case["leafIdx"]), number(&case["treeSize"]));
            let path = hashes(&case["proof"])?;
            proof::verify_inclusion(&leaf, index, size, &path, &root).ok()
        };
        assert_eq!(verdict().is_none(), case["wantErr"], "{name}");
    }
    let entries = vectors.read("merkle/rekor_real_inclusion.json");
    for entry in array(&entries) {
        let leaf = leaf_hash(&bytes(&entry["leaf_b64"]));
        let root = hash(&entry["root_b64"]).unwrap();
        let (index, size) = (number(&entry["log_index"]), number(&entry["tree_size"]));
        let path = hashes(&entry["hashes_b64"]).unwrap();
        proof::verify_inclusion(&leaf, index, size, &path, &root).unwrap();
        assert_eq!(proof::inclusion(index, size).unwrap().len(), path.len());
    }
    cases.len() + array(&entries).len()
}

fn consistency_vectors(vectors: &Vectors) -> usize {
    let cases = vectors.read("merkle/tdev_consistency.json");
    let cases = cases.as_object().unwrap();
    for (name, case) in cases {
        let verdict = || {
            let (old, new) = (number(&case["size1"]), number(&case["size2"]));
            let (old_root, new_root) = (hash(&case["root1"])?, hash(&case["root2"])?);
            let path = hashes(&case["proof"])?;
            proof::verify_consistency(old, &old_root, new, &new_root, &path).ok()
        };
        assert_eq!(verdict().is_none(), case["wantErr"], "{name}");
    }
    cases.len()
}

fn key_vectors(vectors: &Vectors) -> usize {
    let file = vectors.read("notes/golang_note.json");
    let valid = array(&file["vkeys"]["valid"]);
    for key in valid {
        assert_eq!(LogKey::parse(text(key)).unwrap().to_string(), text(key));
    }
    let invalid = array(&file["vkeys"]["invalid"]);
    for key in invalid {
        assert!(LogKey::parse(text(key)).is_err(), "{key}");
    }
    // The rule of the file: no proper part of a key is a key, and none is that
    // differs by one.
    let key = text(&valid[0]);
    for start in 0..key.len() {
        for end in start..key.len() + usize::from(start > 0) {
            assert!(LogKey::parse(&key[start..end]).is_err(), "{start} {end}");
        }
        let mut altered = key.as_bytes().to_vec();
        altered[start] += 1;
        let altered = String::from_utf8(altered).unwrap();
        assert!(LogKey::parse(&altered).is_err(), "{altered}");
    }
    valid.len() + invalid.len()
}

fn note_vectors(vectors: &Vectors) -> usize {
    let mut count = 0;
    let mut opens = |note: &str, key: &Value| {
        let key = LogKey::parse(text(key)).unwrap();
        let expected = &note[..=note.rfind("\n\n").unwrap()];
        assert_eq!(open_note(note, &key), Ok(expected));
        count += 1;
    };
    let example = &vectors.read("notes/c2sp_examples.json")["signed_note"];
    opens(text(&example["note"]), &example["vkey"]);
    let heads = vectors.read("notes/sumdb_real_tree_heads.json");
    for head in array(&heads["notes"]) {
        opens(text(&head["note"]), &heads["vkey"]);
        // Their origin is not the name of their key, which ours always is.
        let key = LogKey::parse(text(&heads["vkey"])).unwrap();
        let opened = Checkpoint::open(text(&head["note"]), &key);
        assert_eq!(opened, Err(InvalidCheckpoint::Origin));
    }
    let file = vectors.read("notes/golang_note.json");
    let valid = &file["vkeys"]["valid"];
    let signer = &file["signer_test_key_PUBLIC_TEST_ONLY"];
    opens(text(&signer["signed"]), &valid[0]);
    let secret = text(&signer["skey"]).splitn(5, '+').last().unwrap();
    let seed = &BASE64.decode(secret).unwrap()[1..];
    let signer = LogSigner::new("PeterNeumann", seed.try_into().unwrap()).unwrap();
    assert_eq!(signer.key().to_string(), text(&valid[0]));

    for case in array(&file["open"]) {
        let id = text(&case["id"]);
        if id == "ambiguous-key" {
            println!("not for this verifier: {id}: a verifier of one key cannot know a key twice");
            continue;
        }
        count += 1;
        // The verifiers of the Go library know several keys, ours knows one: it
        // opens the note with each key that the file says signed it, and with no
        // other. C2SP signed-note agrees with Go on all that is left: it lets us
        // choose the limit of 100 signatures, and asks for the rest.
        let mut keys: Vec<_> = array(&case["vkeys"]).iter().map(text).collect();
        if keys.is_empty() {
            // Knowing no key is knowing one that did not sign.
            keys.push(text(&valid[2]));
        }
        let verified = case["verified"].as_array().map(Vec::as_slice).unwrap_or_default();
        for key in keys.into_iter().map(|key| LogKey::parse(key).unwrap()) {
            // A note that is not UTF-8 is refused before it gets to us.
            let note = String::from_utf8(bytes(&case["msg_b64"])).ok();
            let opened = note.is_some_and(|note| open_note(&note, &key).is_ok());
            assert_eq!(opened, verified.iter().any(|name| name == key.name()), "{id}");
        }
    }
    count
}

fn checkpoint_vectors(vectors: &Vectors) -> usize {
    let file = vectors.read("notes/tdev_formats.json");
    let cases = array(&file["checkpoint_unmarshal"]);
    for case in cases {
        let (id, body) = (text(&case["id"]), text(&case["m"]));
        let origin = body.lines().next().filter(|origin| !origin.is_empty());
        let open = |body: &str| {
            let (note, key) = signed(origin.unwrap_or("Log"), body);
            Checkpoint::open(&note, &key)
        };
        // The upstream roots are words of any length: none is a root of ours.
        assert!(open(body).is_err(), "{id}");
        // With a root of 32 bytes in their place, the good ones pass.
        let words = body.lines().nth(2).filter(|line| BASE64.decode(line).is_ok());
        let opened = match words {
            Some(words) => open(&body.replace(words, &BASE64.encode([1; 32]))),
            None => open(body),
        };
        // Upstream lets empty extension lines pass; C2SP tlog-checkpoint says
        // that they must not be empty.
        let good = case["ok"] == true && id != "trailing-newlines";
        assert_eq!(opened.is_ok(), good, "{id}");
        if let (Ok(opened), Some(size)) = (opened, case["size"].as_u64()) {
            assert_eq!((opened.origin(), opened.size()), (text(&case["origin"]), size));
        }
    }
    cases.len()
}
