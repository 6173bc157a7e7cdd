-- name: GetItem :one
SELECT * FROM items WHERE id = ?1;

-- name: AddItem :one
INSERT INTO items (name, price) VALUES (:name, :price) RETURNING id;

-- name: Cheap :many
SELECT id, name, price FROM items WHERE price < :most ORDER BY price LIMIT :limit;

-- name: SellItem :execrows
UPDATE items SET sold = TRUE WHERE id = @id;

-- name: AddPart :exec
INSERT INTO parts VALUES (?, ?);

-- name: CountParts :many
SELECT items.name, count(parts.name) AS parts
  FROM items LEFT JOIN parts ON parts.item = items.id GROUP BY items.id ORDER BY items.id;

-- name: Dearest :one
-- column: price REAL
SELECT max(price) AS price FROM items;
