-- What is to be done, by whom, how far it is and how it ended: the truth about work.

CREATE SEQUENCE work_fencing;  -- a later holder of the same work has a greater number

CREATE TABLE work (
    work_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,  -- course, source, or empty: there is one of it
    priority smallint NOT NULL,         -- smaller goes first
    state text NOT NULL CHECK (state IN ('due', 'running', 'done', 'failed', 'parked')),
    due_at timestamptz NOT NULL,
    input_digest text,                  -- of what it was asked for; null: asked by a person
    asked_by text NOT NULL,
    attempts bigint NOT NULL DEFAULT 0, -- begun; written before anything is done
    deaths bigint NOT NULL DEFAULT 0,   -- attempts after which no word came
    worker text,
    fencing bigint,                     -- of the present holder; null: nobody holds it
    lease_until timestamptz,
    progress text,
    progress_done bigint,
    progress_total bigint,
    error_code text,
    error text,                         -- one line, without values of rows
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz
);
CREATE UNIQUE INDEX work_due_once ON work (kind, subject) WHERE state = 'due';
CREATE UNIQUE INDEX work_running_once ON work (kind, subject) WHERE state = 'running';
CREATE INDEX work_next ON work (priority, due_at) WHERE state = 'due';
CREATE INDEX work_ended ON work (kind, subject, finished_at) WHERE finished_at IS NOT NULL;

-- Messages of the broker that nobody could read; not what they held, which could be anything.
CREATE TABLE rejected_messages (
    digest text PRIMARY KEY,
    bytes bigint NOT NULL,
    reason text NOT NULL,
    times bigint NOT NULL,
    first_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
