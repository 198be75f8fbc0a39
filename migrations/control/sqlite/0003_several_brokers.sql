-- What several brokers on one log need, and what one needs to know that nobody else wrote.

ALTER TABLE head ADD COLUMN seal BLOB; -- HMAC under a key of the brokers over predecessor, size and root: only they append
ALTER TABLE epoch ADD COLUMN files TEXT; -- SHA-256 of all files of the policy in force, hexadecimal; the archive has them as `files`
