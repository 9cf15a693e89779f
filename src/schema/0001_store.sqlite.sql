-- works-with: 1
-- The list of migrations itself.
CREATE TABLE farm_schema (
    number INTEGER PRIMARY KEY CHECK (number > 0),
    name TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    works_with INTEGER NOT NULL CHECK (works_with BETWEEN 1 AND number),
    library INTEGER NOT NULL,
    applied_us INTEGER NOT NULL
) STRICT;
