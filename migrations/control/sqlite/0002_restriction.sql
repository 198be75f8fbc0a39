-- Whose data may not be used (article 33). One row a change, inserted, never updated: the last one of a name holds.
CREATE TABLE restriction (
    name BLOB NOT NULL, -- 32 bytes: the subject, under a key of its own; it is in no dataset
    epoch INTEGER NOT NULL REFERENCES epoch (number), -- the change opened it
    restricted INTEGER NOT NULL CHECK (restricted IN (0, 1)),
    PRIMARY KEY (name, epoch)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER restriction_is_kept BEFORE DELETE ON restriction BEGIN SELECT RAISE(ABORT, 'restrictions are never deleted'); END;
CREATE TRIGGER restriction_stands BEFORE UPDATE ON restriction BEGIN SELECT RAISE(ABORT, 'restrictions are never updated'); END;
