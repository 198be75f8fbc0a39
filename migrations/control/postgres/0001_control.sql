-- The access log, and what decisions depend on. Whoever has this database and not the brokers' keys can neither put anything in force in
-- it nor take out what is. Entries, heads, checkpoints and epochs are inserted, never updated; no role of a
-- broker may do anything else.

CREATE TABLE entry (
    idx BIGINT PRIMARY KEY, -- from 0, without gaps
    actor TEXT, -- canonical JSON (RFC 8785): who, when, for what, under which terms; null once erased
    actor_salt BYTEA, -- 16 random bytes
    subject TEXT, -- canonical JSON: about whom, by tag and handle; never opened to a recipient
    subject_salt BYTEA,
    answer TEXT, -- canonical JSON: digest of exactly the bytes given
    answer_salt BYTEA,
    actor_commitment BYTEA NOT NULL, -- SHA-256("disown.v1/actor" || salt || part)
    subject_commitment BYTEA NOT NULL,
    answer_commitment BYTEA NOT NULL,
    leaf BYTEA NOT NULL -- SHA-256(0x00 || 0x01 || the three commitments)
);

-- Few entries are of these kinds, and a start looks for them. The kind stands in the part that is hashed. Every entry that is appended
-- is searched for it, and strpos does that many times faster than LIKE.
CREATE INDEX entry_input ON entry (idx) WHERE strpos(actor, '"kind":"input"') > 0;
CREATE INDEX entry_administration ON entry (idx) WHERE strpos(actor, '"kind":"administration"') > 0;

-- Perfect subtrees of the RFC 6962 tree, so that proofs and start-up need not read every leaf.
CREATE TABLE node (
    level BIGINT NOT NULL, -- 1 and up; level 0 is entry.leaf
    position BIGINT NOT NULL, -- over leaves position << level to (position + 1) << level
    hash BYTEA NOT NULL,
    PRIMARY KEY (level, position)
);

-- One row a batch: the compare-and-swap. Two writers cannot both follow the same head.
CREATE TABLE head (
    size BIGINT PRIMARY KEY, -- entries in the tree
    predecessor BIGINT NOT NULL UNIQUE, -- size of the head before
    root BYTEA NOT NULL, -- RFC 6962 tree hash
    epoch BIGINT NOT NULL, -- the last one behind it
    epoch_seal BYTEA NOT NULL, -- the seal of that epoch
    seal BYTEA NOT NULL -- HMAC under a key of the brokers over all of this: only they append
);

-- Signed after the batch has been read back from the store and hashed again.
CREATE TABLE checkpoint (
    size BIGINT PRIMARY KEY, -- of a head
    note TEXT NOT NULL -- C2SP checkpoint
);

-- A decision belongs to one epoch; the append of its entry succeeds only while that epoch is in force.
CREATE TABLE epoch (
    number BIGINT PRIMARY KEY, -- from 1
    policy_version TEXT NOT NULL, -- in force since
    files TEXT NOT NULL, -- SHA-256 of all files of the policy, hexadecimal; the archive has them as `files`
    seal BYTEA NOT NULL -- HMAC under a key of the brokers over the seal of the epoch before and what this one opened
);

-- Policies and agreements, whole, by content hash: what an entry's versions mean can be read years later.
CREATE TABLE archive (
    version TEXT NOT NULL, -- SHA-256 of the content, hexadecimal
    name TEXT NOT NULL, -- policies, agreements/<id>, or files
    content TEXT NOT NULL,
    PRIMARY KEY (version, name)
);

-- Keys of the subject tags, one a month, sealed; deleting one makes the tags of its month mean nothing.
CREATE TABLE month_key (
    month TEXT PRIMARY KEY, -- 2026-11
    sealed BYTEA NOT NULL
);

-- Whose data may not be used (article 33). One row a change, inserted, never updated: the last one of a name holds.
CREATE TABLE restriction (
    name BYTEA NOT NULL, -- 32 bytes: the subject, under a key of its own; it is in no dataset
    epoch BIGINT NOT NULL REFERENCES epoch (number), -- the change opened it
    restricted BOOLEAN NOT NULL,
    PRIMARY KEY (name, epoch)
);
CREATE INDEX restriction_epoch ON restriction (epoch); -- who follows reads what is new

-- What approvers did about agreements and datasets, signed. Inserted, never updated: together they say what is in force.
CREATE TABLE act (
    matter TEXT NOT NULL, -- agreement:<id> or dataset:<id>
    number BIGINT NOT NULL, -- of the acts about it, from 1
    epoch BIGINT NOT NULL REFERENCES epoch (number), -- the act opened it, or came with a policy that did
    deed TEXT NOT NULL, -- propose, approve, see, suspend, terminate, withdraw, restore
    object TEXT NOT NULL, -- a version (SHA-256 of an agreement's text, hexadecimal), a dataset, or empty
    approver TEXT NOT NULL,
    reason TEXT NOT NULL,
    signature BYTEA NOT NULL, -- Ed25519 over the statement
    PRIMARY KEY (matter, number)
);
CREATE INDEX act_epoch ON act (epoch);

-- What happened to warrants, to subjects that are watched, to callers who break glass, and to whatever else decisions depend on and
-- nobody signs. Inserted, never updated: together they say what stands.
CREATE TABLE event (
    about TEXT NOT NULL, -- warrant:<id>, subject:<name>, caller:<organisation>/<name>
    number BIGINT NOT NULL, -- of what happened to it, from 1
    epoch BIGINT NOT NULL REFERENCES epoch (number), -- the event opened it
    what TEXT NOT NULL, -- JSON; subjects stand in it under names of their own
    PRIMARY KEY (about, number)
);
CREATE INDEX event_epoch ON event (epoch);

-- Which store this is: one row, made with it and never again.
CREATE TABLE store (
    identity BYTEA PRIMARY KEY -- HMAC of the store's name under a key of the deployment
);
