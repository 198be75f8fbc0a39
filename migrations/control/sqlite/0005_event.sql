-- What happened to warrants, to subjects that are watched, to callers who break glass, and to whatever else decisions depend on and nobody signs. Inserted, never updated: together they say what
-- stands.
CREATE TABLE event (
    about TEXT NOT NULL, -- warrant:<id>, subject:<name>, caller:<organisation>/<name>
    number INTEGER NOT NULL, -- of what happened to it, from 1
    epoch INTEGER NOT NULL REFERENCES epoch (number), -- the event opened it
    what TEXT NOT NULL, -- JSON; subjects stand in it under names of their own
    seal BLOB NOT NULL, -- HMAC under a key of the brokers: nobody else makes one
    PRIMARY KEY (about, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_epoch ON event (epoch);

CREATE TRIGGER event_is_kept BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'no event is deleted'); END;
CREATE TRIGGER event_stands BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'no event is updated'); END;
