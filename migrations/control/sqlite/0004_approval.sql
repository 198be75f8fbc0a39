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
