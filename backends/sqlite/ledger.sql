-- What SQLite says differently of src/ledger/ledger.sql.

-- name: burnt_read
-- Row by row: a list after IN is first made a table, which costs more than the looks themselves.
SELECT b.id FROM farm_list(:ids) AS asked CROSS JOIN farm_ledger_burnt AS b ON b.id = asked.value;
