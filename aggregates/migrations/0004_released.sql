-- What a course's students are told about the class, as it was when it last changed for them: one row
-- for each number or row of a table, also of those that are not shown. It outlives refreshes.

CREATE TABLE released (
    course_id bigint,
    indicator text COLLATE "C",
    part text COLLATE "C",           -- of the group's result; `summary.<field>` for free statistics
    keys text COLLATE "C",           -- of the row, as JSON
    ordinal integer NOT NULL,        -- its place among the part's rows
    version text NOT NULL,           -- of the definition and its parameters
    content jsonb NOT NULL,          -- values by field
    people bigint,                   -- whose values they are made of; null: told by its counts alone
    size bigint NOT NULL,            -- students of the class then
    ever bigint NOT NULL,            -- the same with those who had left
    most_equal bigint,               -- people with the commonest value
    ranks double precision[],        -- values at 2.5, 7.5 ... 97.5 % of the class
    sketch bytea,                    -- tells how many people's values changed since, and nobody's name
    as_of timestamptz,
    computed_at timestamptz,
    state_as_of timestamptz,
    PRIMARY KEY (course_id, indicator, part, keys)
);
UPDATE courses SET fingerprint = NULL;  -- the next refresh fills it
