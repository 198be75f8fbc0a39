//! Signed statements of the log's size and root: C2SP checkpoints
//! (<https://c2sp.org/tlog-checkpoint>) in C2SP signed notes
//! (<https://c2sp.org/signed-note>), with Ed25519 signatures (RFC 8032).

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::merkle::Hash;

/// The signature type of plain Ed25519 (signed-note, "Signature types").
const ED25519: u8 = 1;
/// Limits on what a stranger's note can make us do. The format demands that 16
/// signatures pass; these two numbers are those of the Go implementation.
const MAX_NOTE_BYTES: usize = 1_000_000;
const MAX_SIGNATURES: usize = 100;

/// A key that notes are checked with (signed-note, "Ed25519 signatures").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    name: String,
    id: [u8; 4],
    public: VerifyingKey,
}

/// A name or a verifier key that is not in the form of signed-note.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The name could not stand in a signature line.
    #[error("a key name must not be empty or hold spaces, plus signs or control characters")]
    Name,
    /// It is of another form or type, or anybody could sign for it.
    #[error("a verifier key is name+id+key, with a sound ed25519 key in base64")]
    Form,
    /// The id is not the one of this name and key, in lower-case hexadecimal.
    #[error("the id of the verifier key does not belong to it")]
    Id,
}

impl LogKey {
    fn new(name: &str, public: VerifyingKey) -> Self {
        let mut hasher = Sha256::new_with_prefix(name);
        hasher.update([b'\n', ED25519]);
        hasher.update(public.as_bytes());
        let [a, b, c, d, ..]: [u8; 32] = hasher.finalize().into();
        let (name, id) = (name.to_owned(), [a, b, c, d]);
        Self { name, id, public }
    }

    /// Reads `name+id+key`, the form that [`LogKey`]'s `Display` writes
    /// (signed-note, "Signatures" for the parts and the id).
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(InvalidKey::Form);
        };
        check_name(name)?;
        let key = BASE64.decode(key).map_err(|_| InvalidKey::Form)?;
        let Some((&ED25519, public)) = key.split_first() else {
            return Err(InvalidKey::Form);
        };
        let public = VerifyingKey::try_from(public).map_err(|_| InvalidKey::Form)?;
        if public.is_weak() {
            return Err(InvalidKey::Form);
        }
        // A key has one spelling only: this checks the id and its case.
        let key = Self::new(name, public);
        (key.to_string() == text).then_some(key).ok_or(InvalidKey::Id)
    }

    /// The name that stands in signature lines (signed-note, "Format").
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The short id of name and key (signed-note, "Signatures").
    pub fn id(&self) -> [u8; 4] {
        self.id
    }
}

impl fmt::Display for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ED25519], self.public.as_bytes().as_slice()].concat();
        let (id, key) = (hex::encode(self.id), BASE64.encode(key));
        write!(f, "{}+{id}+{key}", self.name)
    }
}

/// Names stand between spaces in signature lines and pluses in keys.
fn check_name(name: &str) -> Result<(), InvalidKey> {
    let forbidden = |c: char| c == '+' || c < ' ' || c.is_whitespace();
    if name.is_empty() || name.contains(forbidden) {
        return Err(InvalidKey::Name);
    }
    Ok(())
}

/// A note that must not be believed (signed-note).
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNote {
    /// It is over the limit of a million bytes or of a hundred signatures.
    #[error("the note is too large or has too many signatures")]
    TooLarge,
    /// It breaks the format.
    #[error("the note is malformed")]
    Form,
    /// The known key did not sign it.
    #[error("the note is not signed by the known key")]
    Unsigned,
    /// The known key's signature is there, and false.
    #[error("the signature of the known key is invalid")]
    Signature,
    /// The known key's signature is there more than once. The format lets that
    /// pass; this log never does it, so somebody tampered with the note.
    #[error("the note has several signatures of the known key")]
    Repeated,
}

/// Checks a signed note and returns its text with the final newline
/// (signed-note, "Format" and "Signatures").
pub fn open_note<'a>(note: &'a str, key: &LogKey) -> Result<&'a str, InvalidNote> {
    if note.len() > MAX_NOTE_BYTES {
        return Err(InvalidNote::TooLarge);
    }
    if note.chars().any(|c| c < ' ' && c != '\n') {
        return Err(InvalidNote::Form);
    }
    // The text may have empty lines: the last one in the note ends it.
    let end = note.rfind("\n\n").ok_or(InvalidNote::Form)?;
    let (text, lines) = (&note[..=end], &note[end + 2..]);
    let lines = lines.strip_suffix('\n').ok_or(InvalidNote::Form)?;
    if lines.split('\n').count() > MAX_SIGNATURES {
        return Err(InvalidNote::TooLarge);
    }
    let mut signed = false;
    for line in lines.split('\n') {
        let (name, signature) = signature_of(line).ok_or(InvalidNote::Form)?;
        // A key is known by name and id together; other keys are ignored.
        let Some(signature) = signature.strip_prefix(&key.id).filter(|_| name == key.name) else {
            continue;
        };
        if signed {
            return Err(InvalidNote::Repeated);
        }
        let signature = Signature::from_slice(signature).map_err(|_| InvalidNote::Signature)?;
        let checked = key.public.verify_strict(text.as_bytes(), &signature);
        checked.map_err(|_| InvalidNote::Signature)?;
        signed = true;
    }
    signed.then_some(text).ok_or(InvalidNote::Unsigned)
}

/// The name, and the key id with the signature, in a signature line.
fn signature_of(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, signature) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    check_name(name).ok()?;
    let signature = BASE64.decode(signature).ok()?;
    (signature.len() > 4).then_some((name, signature))
}

/// The key that signs checkpoints. It cannot be printed or copied, and it is
/// wiped from memory when dropped (RFC 8032 section 5.1.5, private key).
#[expect(missing_debug_implementations, reason = "holds a secret key")]
pub struct LogSigner {
    key: LogKey,
    secret: SigningKey,
}

impl LogSigner {
    /// Makes the key with this name from its 32 secret bytes (RFC 8032 section 5.1.5).
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Self, InvalidKey> {
        check_name(name)?;
        let secret = SigningKey::from_bytes(seed);
        let key = LogKey::new(name, secret.verifying_key());
        Ok(Self { key, secret })
    }

    /// The key that its signatures are checked with (signed-note, "Signatures").
    pub fn key(&self) -> LogKey {
        self.key.clone()
    }

    /// Signs the size and root of the log (tlog-checkpoint, "Note text").
    pub fn sign(&self, size: u64, root: &Hash) -> Checkpoint {
        let origin = self.key.name.clone();
        let text = format!("{origin}\n{size}\n{}\n", BASE64.encode(root.as_bytes()));
        let signature = self.secret.sign(text.as_bytes()).to_bytes();
        let signature = BASE64.encode([self.key.id.as_slice(), &signature].concat());
        let note = format!("{text}\n\u{2014} {origin} {signature}\n");
        let root = *root;
        Checkpoint { origin, size, root, note }
    }
}

/// The size and root of the log, signed (tlog-checkpoint, "Note text").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    note: String,
}

/// A checkpoint that must not be believed (tlog-checkpoint).
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCheckpoint {
    /// The signed note around it is invalid.
    #[error(transparent)]
    Note(#[from] InvalidNote),
    /// It is a statement about another log.
    #[error("the checkpoint is of another log")]
    Origin,
    /// Its lines are not an origin, a decimal size, 32 bytes of root in base64
    /// and perhaps extensions, none of them empty.
    #[error("the text of the checkpoint is malformed")]
    Form,
}

impl Checkpoint {
    /// The size that a note says its tree has, believed of nobody: a client that is about to ask for proofs needs it before it
    /// verifies the note with them.
    pub fn claimed_size(note: &str) -> Option<u64> {
        note.lines().nth(1)?.parse().ok()
    }

    /// Reads a checkpoint of the log with this key (tlog-checkpoint, "Note
    /// text"). Signatures of other keys, like those of witnesses, are let pass.
    pub fn open(note: &str, key: &LogKey) -> Result<Self, InvalidCheckpoint> {
        let text = open_note(note, key)?;
        let (size, root) = size_and_root(text, key.name())?;
        let (origin, note) = (key.name.clone(), note.to_owned());
        Ok(Self { origin, size, root, note })
    }

    /// The log that the checkpoint is of (tlog-checkpoint, "Note text").
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The number of leaves (tlog-checkpoint, "Note text").
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree (RFC 6962 section 2.1).
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// The whole signed note, to store or to publish (signed-note, "Format").
    pub fn note(&self) -> &str {
        &self.note
    }
}

/// Reads the text of a checkpoint of this log.
fn size_and_root(text: &str, log: &str) -> Result<(u64, Hash), InvalidCheckpoint> {
    use InvalidCheckpoint::{Form, Origin};
    let lines: Vec<&str> = text.lines().collect();
    let [origin, size, root, extensions @ ..] = lines.as_slice() else {
        return Err(Form);
    };
    if *origin != log {
        return Err(Origin);
    }
    let number: u64 = size.parse().map_err(|_| Form)?;
    // `parse` takes a plus sign and leading zeros too; the format does not.
    if number.to_string() != *size || extensions.contains(&"") {
        return Err(Form);
    }
    let root = BASE64.decode(root).map_err(|_| Form)?;
    let root = root.as_slice().try_into().map_err(|_| Form)?;
    Ok((number, root))
}
