-- What happened to warrants. Inserted, never updated: together they say which stand, and how many uses are left.
CREATE TABLE warrant_event (
    warrant TEXT NOT NULL,
    number BIGINT NOT NULL, -- of what happened to it, from 1
    epoch BIGINT NOT NULL REFERENCES epoch (number), -- the event opened it
    event TEXT NOT NULL, -- registered, confirmed, revoked, used
    approver TEXT NOT NULL, -- who; empty where it was used: its entry says by whom
    content TEXT NOT NULL, -- what it says, as JSON, where it was registered: its subjects under names of their own
    seal BYTEA NOT NULL, -- HMAC under a key of the brokers: only they make warrants
    PRIMARY KEY (warrant, number)
);
CREATE INDEX warrant_event_epoch ON warrant_event (epoch);
