-- What every course has, whatever indicators are installed.

CREATE TABLE courses (
    course_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    course_key text COLLATE "C" NOT NULL UNIQUE,
    display_name text,
    org text,
    start_at timestamptz,
    end_at timestamptz,
    self_paced boolean,
    pass_cutoff double precision,
    lowest_passing_grade double precision,
    run_id bigint,          -- the run whose numbers are stored
    computed_at timestamptz,
    fingerprint text        -- of that run's input, versions and parameters; null: write again
);

CREATE TABLE runs (
    run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    course_id bigint NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    input_digest text NOT NULL,
    cursors jsonb NOT NULL, -- how far each source was read
    versions jsonb NOT NULL -- indicator -> its version, for those that are stored
);
CREATE INDEX runs_of_course ON runs (course_id, run_id);

CREATE TABLE students (
    course_id bigint,
    user_id bigint,
    username text COLLATE "C",
    mode text COLLATE "C",
    cohort text COLLATE "C",
    grade_band text COLLATE "C",
    year_of_birth bigint,
    gender text COLLATE "C",
    level_of_education text COLLATE "C",
    country text COLLATE "C",
    enrolled_at timestamptz,
    in_l boolean NOT NULL,
    in_e boolean NOT NULL,
    PRIMARY KEY (course_id, user_id)
);
CREATE INDEX students_by_username ON students (course_id, username);
CREATE INDEX students_by_user ON students (user_id); -- the courses of a viewer

CREATE TABLE groups (
    course_id bigint,
    group_id text COLLATE "C",
    kind text NOT NULL,
    name text NOT NULL,
    members bigint NOT NULL,
    PRIMARY KEY (course_id, group_id)
);

CREATE TABLE memberships (
    course_id bigint,
    group_id text COLLATE "C",
    user_id bigint,
    PRIMARY KEY (course_id, group_id, user_id)
);

CREATE TABLE summaries (
    course_id bigint,
    group_id text COLLATE "C",
    indicator text COLLATE "C",
    field text COLLATE "C",
    n bigint NOT NULL,
    n_null bigint NOT NULL,
    mean double precision,
    sd double precision,
    median double precision,
    p25 double precision,
    p75 double precision,
    sum double precision,
    minimum double precision,
    maximum double precision,
    histogram bigint[],
    PRIMARY KEY (course_id, group_id, indicator, field)
);

CREATE TABLE envelopes (
    course_id bigint,
    indicator text COLLATE "C",
    version bigint NOT NULL,
    provider text NOT NULL,
    provider_version text NOT NULL,
    unit text NOT NULL,
    parameters jsonb NOT NULL,
    start_at timestamptz,   -- null: unbounded
    end_at timestamptz,
    as_of timestamptz,
    computed_at timestamptz,
    state_as_of timestamptz,
    coverage double precision NOT NULL,
    partial boolean NOT NULL,
    population_basis text NOT NULL,
    staff_excluded boolean NOT NULL,
    missing_source text[] NOT NULL,
    notes jsonb NOT NULL,
    status text NOT NULL,
    error text,
    PRIMARY KEY (course_id, indicator)
);

CREATE TABLE blocks (
    course_id bigint,
    block_key text COLLATE "C",
    block_type text,
    display_name text,
    position bigint,
    depth bigint,
    parent_key text,
    chapter_key text,
    sequential_key text,
    vertical_key text,
    graded boolean,
    assignment_type text,
    due_at timestamptz,
    PRIMARY KEY (course_id, block_key)
);

-- Access: the course team of each course, or of a whole org where course_key is null.
CREATE TABLE course_roles (
    user_id bigint NOT NULL,
    org text COLLATE "C",
    course_key text COLLATE "C",
    role text NOT NULL
);
CREATE INDEX course_roles_by_user ON course_roles (user_id);

CREATE TABLE global_staff (
    user_id bigint PRIMARY KEY
);

-- Tables derived from declarations, also those whose plugin is gone: a refresh empties them too.
CREATE TABLE derived_tables (
    name text PRIMARY KEY
);
