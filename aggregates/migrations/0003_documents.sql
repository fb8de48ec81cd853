-- GraphQL documents that clients may name instead of sending them.

CREATE TABLE documents (
    document_id text COLLATE "C" PRIMARY KEY,  -- sha256:<hex>, or the name that a manifest gives
    body text NOT NULL,
    name text,
    is_trusted boolean NOT NULL,               -- registered by an operator, not by a client
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX documents_of_clients ON documents (registered_at) WHERE NOT is_trusted;
