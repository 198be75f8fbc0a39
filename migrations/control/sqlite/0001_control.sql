-- The access log, and what decisions depend on. Whoever has this database and not the brokers' keys can neither put anything in force in
-- it nor take out what is. Entries, heads, checkpoints and epochs are inserted, never updated; the triggers
-- at the end make a slip evident at once (whoever means harm can drop them: that is what the tree is for).

CREATE TABLE entry (
    idx INTEGER PRIMARY KEY, -- from 0, without gaps
    actor TEXT, -- canonical JSON (RFC 8785): who, when, for what, under which terms; null once erased
    actor_salt BLOB, -- 16 random bytes
    subject TEXT, -- canonical JSON: about whom, by tag and handle; never opened to a recipient
    subject_salt BLOB,
    answer TEXT, -- canonical JSON: digest of exactly the bytes given
    answer_salt BLOB,
    actor_commitment BLOB NOT NULL, -- SHA-256("disown.v1/actor" || salt || part)
    subject_commitment BLOB NOT NULL,
    answer_commitment BLOB NOT NULL,
    leaf BLOB NOT NULL -- SHA-256(0x00 || 0x01 || the three commitments)
) STRICT;

-- Of the part that is hashed, not of a column beside it that could say something else.
CREATE INDEX entry_by_kind ON entry (actor ->> '$.kind');

-- Perfect subtrees of the RFC 6962 tree, so that proofs and start-up need not read every leaf.
CREATE TABLE node (
    level INTEGER NOT NULL, -- 1 and up; level 0 is entry.leaf
    position INTEGER NOT NULL, -- over leaves position << level to (position + 1) << level
    hash BLOB NOT NULL,
    PRIMARY KEY (level, position)
) STRICT, WITHOUT ROWID;

-- One row a batch: the compare-and-swap. Two writers cannot both follow the same head.
CREATE TABLE head (
    size INTEGER PRIMARY KEY, -- entries in the tree
    predecessor INTEGER NOT NULL UNIQUE, -- size of the head before
    root BLOB NOT NULL, -- RFC 6962 tree hash
    epoch INTEGER NOT NULL, -- the last one behind it
    epoch_seal BLOB NOT NULL, -- the seal of that epoch
    seal BLOB NOT NULL -- HMAC under a key of the brokers over all of this: only they append
) STRICT;

-- Signed after the batch has been read back from the store and hashed again.
CREATE TABLE checkpoint (
    size INTEGER PRIMARY KEY REFERENCES head (size),
    note TEXT NOT NULL -- C2SP checkpoint
) STRICT;

-- A decision belongs to one epoch; the append of its entry succeeds only while that epoch is in force.
CREATE TABLE epoch (
    number INTEGER PRIMARY KEY, -- from 1
    policy_version TEXT NOT NULL, -- in force since
    files TEXT NOT NULL, -- SHA-256 of all files of the policy in force, hexadecimal; the archive has them as `files`
    seal BLOB NOT NULL -- HMAC under a key of the brokers over the seal of the epoch before and what this one opened
) STRICT;

-- Policies and agreements, whole, by content hash: what an entry's versions mean can be read years later.
CREATE TABLE archive (
    version TEXT NOT NULL, -- SHA-256 of the content, hexadecimal
    name TEXT NOT NULL, -- policies, agreements/<id>, or files
    content TEXT NOT NULL,
    PRIMARY KEY (version, name)
) STRICT, WITHOUT ROWID;

-- Keys of the subject tags, one a month, sealed; deleting one makes the tags of its month mean nothing.
CREATE TABLE month_key (
    month TEXT PRIMARY KEY, -- 2026-11
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER entry_is_kept BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END;
CREATE TRIGGER head_is_kept BEFORE DELETE ON head BEGIN SELECT RAISE(ABORT, 'heads are never deleted'); END;
CREATE TRIGGER head_stands BEFORE UPDATE ON head BEGIN SELECT RAISE(ABORT, 'heads are never updated'); END;
CREATE TRIGGER checkpoint_is_kept BEFORE DELETE ON checkpoint BEGIN SELECT RAISE(ABORT, 'checkpoints are never deleted'); END;
CREATE TRIGGER checkpoint_stands BEFORE UPDATE ON checkpoint BEGIN SELECT RAISE(ABORT, 'checkpoints are never updated'); END;
CREATE TRIGGER epoch_is_kept BEFORE DELETE ON epoch BEGIN SELECT RAISE(ABORT, 'epochs are never deleted'); END;

-- Whose data may not be used (article 33). One row a change, inserted, never updated: the last one of a name holds.
CREATE TABLE restriction (
    name BLOB NOT NULL, -- 32 bytes: the subject, under a key of its own; it is in no dataset
    epoch INTEGER NOT NULL REFERENCES epoch (number), -- the change opened it
    restricted INTEGER NOT NULL CHECK (restricted IN (0, 1)),
    PRIMARY KEY (name, epoch)
) STRICT, WITHOUT ROWID;
CREATE INDEX restriction_epoch ON restriction (epoch); -- who follows reads what is new

CREATE TRIGGER restriction_is_kept BEFORE DELETE ON restriction BEGIN SELECT RAISE(ABORT, 'restrictions are never deleted'); END;
CREATE TRIGGER restriction_stands BEFORE UPDATE ON restriction BEGIN SELECT RAISE(ABORT, 'restrictions are never updated'); END;


-- What approvers did about agreements and datasets, signed. Inserted, never updated: together they say what is in force.
CREATE TABLE act (
    matter TEXT NOT NULL, -- agreement:<id> or dataset:<id>
    number INTEGER NOT NULL, -- of the acts about it, from 1
    epoch INTEGER NOT NULL REFERENCES epoch (number), -- the act opened it, or came with a policy that did
    deed TEXT NOT NULL, -- propose, approve, see, suspend, terminate, withdraw, restore
    object TEXT NOT NULL, -- a version (SHA-256 of an agreement's text, hexadecimal), a dataset, or empty
    approver TEXT NOT NULL,
    reason TEXT NOT NULL,
    signature BLOB NOT NULL, -- Ed25519 over the statement
    PRIMARY KEY (matter, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX act_epoch ON act (epoch);

CREATE TRIGGER act_is_kept BEFORE DELETE ON act BEGIN SELECT RAISE(ABORT, 'acts are never deleted'); END;
CREATE TRIGGER act_stands BEFORE UPDATE ON act BEGIN SELECT RAISE(ABORT, 'acts are never updated'); END;

-- What happened to warrants, to subjects that are watched, to callers who break glass, and to whatever else decisions depend on and
-- nobody signs. Inserted, never updated: together they say what stands.
CREATE TABLE event (
    about TEXT NOT NULL, -- warrant:<id>, subject:<name>, caller:<organisation>/<name>
    number INTEGER NOT NULL, -- of what happened to it, from 1
    epoch INTEGER NOT NULL REFERENCES epoch (number), -- the event opened it
    what TEXT NOT NULL, -- JSON; subjects stand in it under names of their own
    PRIMARY KEY (about, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_epoch ON event (epoch);

CREATE TRIGGER event_is_kept BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'no event is deleted'); END;
CREATE TRIGGER event_stands BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'no event is updated'); END;

-- Which store this is: one row, made with it and never again.
CREATE TABLE store (
    identity BLOB PRIMARY KEY -- HMAC of the store's name under a key of the deployment
) STRICT, WITHOUT ROWID;
