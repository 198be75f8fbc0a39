-- What happened to warrants, to subjects that are watched, to callers who break glass, and to whatever else decisions depend on and nobody signs. Inserted, never updated: together they say what
-- stands.
CREATE TABLE event (
    about TEXT NOT NULL, -- warrant:<id>, subject:<name>, caller:<organisation>/<name>
    number BIGINT NOT NULL, -- of what happened to it, from 1
    epoch BIGINT NOT NULL REFERENCES epoch (number), -- the event opened it
    what TEXT NOT NULL, -- JSON; subjects stand in it under names of their own
    seal BYTEA NOT NULL, -- HMAC under a key of the brokers: nobody else makes one
    PRIMARY KEY (about, number)
);
CREATE INDEX event_epoch ON event (epoch);
