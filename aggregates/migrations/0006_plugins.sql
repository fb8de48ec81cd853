-- Whose a derived table is, so that what is left of a package that is gone can be removed.

ALTER TABLE derived_tables ADD COLUMN provider text, ADD COLUMN indicator text;

-- Live indicators that failed too often in some process: told by `courselens check`.
CREATE TABLE switched_off (
    indicator text COLLATE "C" PRIMARY KEY,
    reason text NOT NULL,
    until timestamptz NOT NULL
);
