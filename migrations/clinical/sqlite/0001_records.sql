-- Clinical records

CREATE TABLE record (
    record_id BLOB NOT NULL, -- random; the source's own id, if there is one, is a column like others
    pseudonym BLOB NOT NULL, -- whom it is about: AES-256-SIV under this dataset's key
    record_type TEXT NOT NULL, -- one of the catalogue's
    source_id BLOB, -- sealed, cell by cell
    source_id_index BLOB, -- keyed blind index of source_id: finds equal values, tells none
    code_system BLOB, -- sealed, cell by cell
    code BLOB, -- sealed, cell by cell
    description BLOB, -- sealed, cell by cell
    event_date BLOB, -- sealed, cell by cell
    end_date BLOB, -- sealed, cell by cell
    value BLOB, -- sealed, cell by cell
    unit BLOB, -- sealed, cell by cell
    status BLOB, -- sealed, cell by cell
    site BLOB, -- sealed, cell by cell
    as_of TEXT NOT NULL, -- the day it was as stated
    source TEXT NOT NULL, -- where it came from
    subject_category TEXT NOT NULL, -- what the subject is to the keeper
    disputed INTEGER NOT NULL DEFAULT 0, -- the subject disputes it
    version INTEGER NOT NULL DEFAULT 1, -- counts its changes
    batch BLOB NOT NULL, -- the batch it came in with
    position INTEGER NOT NULL, -- its place in the batch, which was shuffled
    salt BLOB NOT NULL, -- of its commitment in the batch's root
    key_epoch INTEGER NOT NULL, -- of the keys it is stored under
    PRIMARY KEY (record_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX record_by_subject ON record (pseudonym);
CREATE UNIQUE INDEX record_by_source_id ON record (source_id_index);

-- What records were before they were changed.
CREATE TABLE record_history (
    record_id BLOB NOT NULL, -- random; the source's own id, if there is one, is a column like others
    pseudonym BLOB NOT NULL, -- whom it is about: AES-256-SIV under this dataset's key
    record_type TEXT NOT NULL, -- one of the catalogue's
    source_id BLOB, -- sealed, cell by cell
    source_id_index BLOB, -- keyed blind index of source_id: finds equal values, tells none
    code_system BLOB, -- sealed, cell by cell
    code BLOB, -- sealed, cell by cell
    description BLOB, -- sealed, cell by cell
    event_date BLOB, -- sealed, cell by cell
    end_date BLOB, -- sealed, cell by cell
    value BLOB, -- sealed, cell by cell
    unit BLOB, -- sealed, cell by cell
    status BLOB, -- sealed, cell by cell
    site BLOB, -- sealed, cell by cell
    as_of TEXT NOT NULL, -- the day it was as stated
    source TEXT NOT NULL, -- where it came from
    subject_category TEXT NOT NULL, -- what the subject is to the keeper
    disputed INTEGER NOT NULL DEFAULT 0, -- the subject disputes it
    version INTEGER NOT NULL DEFAULT 1, -- counts its changes
    batch BLOB NOT NULL, -- the batch it came in with
    position INTEGER NOT NULL, -- its place in the batch, which was shuffled
    salt BLOB NOT NULL, -- of its commitment in the batch's root
    key_epoch INTEGER NOT NULL, -- of the keys it is stored under
    replaced_on TEXT NOT NULL, -- the day it was changed
    PRIMARY KEY (record_id, version)
) STRICT, WITHOUT ROWID;

-- A pseudonym that was replaced: a visitor joined to a JY number, or a change of keys.
CREATE TABLE alias (
    old BLOB PRIMARY KEY, -- the pseudonym that was
    current BLOB NOT NULL -- the one that is
) STRICT, WITHOUT ROWID;

-- What came in together. Written in one transaction with its records: a batch is here whole or not at all.
CREATE TABLE batch (
    batch BLOB PRIMARY KEY, -- random; the input entry of the access log names it
    day TEXT NOT NULL, -- the day it came in
    records INTEGER NOT NULL, -- how many records it had
    root BLOB NOT NULL -- Merkle root (RFC 6962) over its records' commitments
) STRICT, WITHOUT ROWID;

-- Which store this is: one row, made with it and never again.
CREATE TABLE store (
    identity BLOB PRIMARY KEY -- HMAC of the store's name under a key of the deployment
) STRICT, WITHOUT ROWID;
