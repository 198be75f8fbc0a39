-- Population register

CREATE TABLE record (
    record_id BYTEA NOT NULL, -- random; the source's own id, if there is one, is a column like others
    pseudonym BYTEA NOT NULL, -- whom it is about: AES-256-SIV under this dataset's key
    record_type TEXT NOT NULL, -- one of the catalogue's
    given_name TEXT, -- text
    family_name TEXT, -- text
    date_of_birth TEXT, -- a day, ISO 8601
    sex TEXT, -- one of a closed list
    place_of_birth TEXT, -- text
    address_line TEXT, -- text
    parish TEXT, -- text
    postcode TEXT, -- text
    phone TEXT, -- text
    email TEXT, -- text
    registered_on TEXT, -- a day, ISO 8601
    as_of TEXT NOT NULL, -- the day it was as stated
    source TEXT NOT NULL, -- where it came from
    subject_category TEXT NOT NULL, -- what the subject is to the keeper
    disputed BIGINT NOT NULL DEFAULT 0, -- the subject disputes it
    version BIGINT NOT NULL DEFAULT 1, -- counts its changes
    batch BYTEA NOT NULL, -- the batch it came in with
    position BIGINT NOT NULL, -- its place in the batch, which was shuffled
    salt BYTEA NOT NULL, -- of its commitment in the batch's root
    key_epoch BIGINT NOT NULL, -- of the keys it is stored under
    PRIMARY KEY (pseudonym, record_id)
);

CREATE UNIQUE INDEX one_person ON record (pseudonym) WHERE record_type = 'person';

-- What records were before they were changed.
CREATE TABLE record_history (
    record_id BYTEA NOT NULL, -- random; the source's own id, if there is one, is a column like others
    pseudonym BYTEA NOT NULL, -- whom it is about: AES-256-SIV under this dataset's key
    record_type TEXT NOT NULL, -- one of the catalogue's
    given_name TEXT, -- text
    family_name TEXT, -- text
    date_of_birth TEXT, -- a day, ISO 8601
    sex TEXT, -- one of a closed list
    place_of_birth TEXT, -- text
    address_line TEXT, -- text
    parish TEXT, -- text
    postcode TEXT, -- text
    phone TEXT, -- text
    email TEXT, -- text
    registered_on TEXT, -- a day, ISO 8601
    as_of TEXT NOT NULL, -- the day it was as stated
    source TEXT NOT NULL, -- where it came from
    subject_category TEXT NOT NULL, -- what the subject is to the keeper
    disputed BIGINT NOT NULL DEFAULT 0, -- the subject disputes it
    version BIGINT NOT NULL DEFAULT 1, -- counts its changes
    batch BYTEA NOT NULL, -- the batch it came in with
    position BIGINT NOT NULL, -- its place in the batch, which was shuffled
    salt BYTEA NOT NULL, -- of its commitment in the batch's root
    key_epoch BIGINT NOT NULL, -- of the keys it is stored under
    replaced_on TEXT NOT NULL, -- the day it was changed
    PRIMARY KEY (pseudonym, record_id, version)
);

-- A pseudonym that was replaced: a visitor joined to a JY number, or a change of keys.
CREATE TABLE alias (
    old BYTEA PRIMARY KEY, -- the pseudonym that was
    current BYTEA NOT NULL -- the one that is
);

-- What came in together. Written in one transaction with its records: a batch is here whole or not at all.
CREATE TABLE batch (
    batch BYTEA PRIMARY KEY, -- random; the input entry of the access log names it
    day TEXT NOT NULL, -- the day it came in
    records BIGINT NOT NULL, -- how many records it had
    root BYTEA NOT NULL -- Merkle root (RFC 6962) over its records' commitments
);

-- Which store this is: one row, made with it and never again.
CREATE TABLE store (
    identity BYTEA PRIMARY KEY -- HMAC of the store's name under a key of the deployment
);
