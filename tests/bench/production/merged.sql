-- What this broker is there instead of: the three datasets merged in one database and keyed by the JY number, with the means that
-- PostgreSQL has itself. The columns are those of policies/catalogue.toml. Run by psql with `first` and `subjects` set.

-- ------------------------------------------------------------------------------------------------------------ what is held
CREATE TABLE people (
    jy_number text PRIMARY KEY,
    given_name text NOT NULL,
    family_name text NOT NULL,
    date_of_birth date,
    sex text,
    place_of_birth text,
    address_line text,
    parish text,
    postcode text,
    phone text,
    email text,
    registered_on date,
    restricted boolean NOT NULL DEFAULT false
);

CREATE TABLE clinical (
    source_id text PRIMARY KEY,
    jy_number text NOT NULL REFERENCES people,
    record_type text NOT NULL,
    code_system text,
    code text NOT NULL,
    description text,
    event_date date,
    end_date date,
    value text,
    unit text,
    status text,
    site text
);
CREATE INDEX ON clinical (jy_number);

CREATE TABLE public_health (
    source_id text PRIMARY KEY,
    jy_number text NOT NULL REFERENCES people,
    record_type text NOT NULL,
    event_date date,
    end_date date,
    category text,
    place text,
    parish_or_port text,
    contact_jy_number text,
    test_result text,
    detail text
);
CREATE INDEX ON public_health (jy_number);

-- ------------------------------------------------------------------------------------------------------------- who may ask
CREATE TABLE audit (
    entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    login text NOT NULL DEFAULT session_user,
    role text NOT NULL,
    purpose text NOT NULL,
    case_reference text NOT NULL,
    subject text NOT NULL
);

CREATE ROLE clinician LOGIN;
CREATE ROLE contact_tracer LOGIN;
CREATE ROLE authenticator LOGIN NOINHERIT;      -- PostgREST's own, which takes on the role of a token
CREATE ROLE without_policy LOGIN BYPASSRLS;
GRANT clinician, contact_tracer TO authenticator;
GRANT INSERT ON audit TO clinician, contact_tracer;
GRANT SELECT ON people, clinical, public_health TO without_policy;

GRANT SELECT (jy_number, given_name, family_name, date_of_birth, sex, address_line, parish, postcode, phone, restricted)
    ON people TO clinician;
GRANT SELECT (jy_number, record_type, code_system, code, description, event_date, end_date, value, unit, status, site)
    ON clinical TO clinician;
GRANT SELECT (jy_number, record_type, event_date, end_date) ON public_health TO clinician;
GRANT SELECT (jy_number, given_name, family_name, address_line, parish, postcode, phone, email, restricted)
    ON people TO contact_tracer;
GRANT SELECT (jy_number, record_type, event_date, end_date, category, place, parish_or_port, contact_jy_number, test_result, detail)
    ON public_health TO contact_tracer;

ALTER TABLE people ENABLE ROW LEVEL SECURITY;
ALTER TABLE clinical ENABLE ROW LEVEL SECURITY;
ALTER TABLE public_health ENABLE ROW LEVEL SECURITY;
CREATE POLICY unrestricted ON people FOR SELECT TO clinician, contact_tracer USING (NOT restricted);
CREATE POLICY care ON clinical FOR SELECT TO clinician USING (true);
CREATE POLICY care ON public_health FOR SELECT TO clinician USING (record_type = 'isolation');
CREATE POLICY tracing ON public_health FOR SELECT TO contact_tracer USING (true);

-- ------------------------------------------------------------------------------------------------------- what is asked for
-- With the rights of who asks, so that grants and policies hold.
CREATE VIEW linked WITH (security_invoker = true) AS
SELECT people.jy_number, people.given_name, people.family_name, people.date_of_birth, c.clinical, h.public_health
FROM people
CROSS JOIN LATERAL (
    SELECT json_agg(json_build_object('record_type', record_type, 'code', code, 'description', description,
        'event_date', event_date, 'status', status)) AS clinical
    FROM clinical
    WHERE clinical.jy_number = people.jy_number AND record_type IN ('condition', 'medication', 'test_result')
) c
CROSS JOIN LATERAL (
    SELECT json_agg(json_build_object('record_type', record_type, 'event_date', event_date, 'end_date', end_date)) AS public_health
    FROM public_health
    WHERE public_health.jy_number = people.jy_number AND record_type = 'isolation'
) h;
GRANT SELECT ON linked TO clinician, without_policy;

-- The entry is durable with the transaction that the answer comes from. Purpose and case are recorded and checked by nobody, a refusal
-- takes its entry back, and whoever asks past this function is not recorded: all that would cost time, and is not held against it.
CREATE FUNCTION ask(subject text, role text, purpose text, case_reference text)
RETURNS TABLE (given_name text, family_name text, date_of_birth date, clinical json, public_health json)
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit (role, purpose, case_reference, subject) VALUES (ask.role, ask.purpose, ask.case_reference, ask.subject);
    RETURN QUERY
    SELECT linked.given_name, linked.family_name, linked.date_of_birth, linked.clinical, linked.public_health
    FROM linked WHERE linked.jy_number = ask.subject;
END
$$;

-- -------------------------------------------------------------------------------------------------------- invented records
CREATE TEMPORARY TABLE subject AS
SELECT at, 'JY' || at || 'A' AS jy_number FROM generate_series(:first, :first + :subjects - 1) AS at;

INSERT INTO people
SELECT jy_number, 'Marie', 'Le Brocq', date '1930-01-01' + at % 30000, 'F', 'JE', at || ' La Grande Rue', 'St Helier', 'JE2 3AB',
    '07700 900001', 'marie@example.org', date '2019-04-01'
FROM subject;

INSERT INTO clinical
SELECT 'C' || at || '-' || nth, jy_number, record_type, 'SNOMED', code, description, date '2015-03-01' + at % 2000, NULL, value, unit,
    status, 'GP surgery A'
FROM subject, (VALUES
    (1, 'condition', '195967001', 'Asthma', NULL, NULL, 'active'),
    (2, 'condition', '38341003', 'Hypertensive disorder', NULL, NULL, 'active'),
    (3, 'medication', '372897005', 'Salbutamol 100 micrograms inhaler', NULL, NULL, 'active'),
    (4, 'test_result', '840533007', 'SARS-CoV-2 RNA', 'negative', NULL, 'final'),
    (5, 'immunisation', '840534001', 'SARS-CoV-2 vaccination', '1', 'dose', 'completed')
) AS record (nth, record_type, code, description, value, unit, status);

INSERT INTO public_health
SELECT 'H' || at || '-' || nth, jy_number, record_type, date '2026-01-02' + at % 200, date '2026-01-12' + at % 200, category, place,
    'St Helier', NULL, NULL, detail
FROM subject, (VALUES
    (1, 'isolation', 'positive_test', NULL, NULL),
    (2, 'isolation', 'contact', NULL, NULL),
    (3, 'case_investigation', 'confirmed', NULL, 'interviewed by telephone'),
    (4, 'venue_visit', 'guest', 'The Royal Yacht', NULL)
) AS record (nth, record_type, category, place, detail);

VACUUM ANALYZE;
