-- Whoever has this database and not the brokers' keys can neither put anything in force in it nor take out what is.

ALTER TABLE epoch ADD COLUMN seal BYTEA NOT NULL DEFAULT ''; -- HMAC under a key of the brokers over the seal of the epoch before and what this one opened
ALTER TABLE head ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0; -- the last one behind it; the head's seal is over it too
ALTER TABLE head ADD COLUMN epoch_seal BYTEA NOT NULL DEFAULT ''; -- the seal of that epoch
ALTER TABLE event DROP COLUMN seal; -- the epoch's is over it
CREATE INDEX restriction_epoch ON restriction (epoch); -- who follows reads what is new
