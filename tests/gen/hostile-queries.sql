-- name: delete :many
SELECT * FROM "class" WHERE "a b" = :class AND "1st" IS :fun;

-- name: class :exec
INSERT INTO "class" ("a b", "1st", "größe", data, anything, "bool", "$x")
VALUES (:class, :self, :größe, :db, @args, :options, '$x "quoted" \ ''single'' `${y}`
{line} */ """ \u0041');

-- name: Same :many
SELECT a.x, b.x, a.x AS "x:2", 1 AS "class" FROM a_b AS a, "aB" AS b;

-- name: yield :one
SELECT "a b", "$x", anything, "bool", data, "größe" FROM "class";

-- name: Seen :many
SELECT * FROM "a view";

-- name: Fetch :one
SELECT body AS "$body" FROM notes WHERE notes MATCH ?;

-- name: drop :exec
DELETE FROM "Pick" WHERE id = :constructor;

-- name: Pick :many
SELECT * FROM "Pick";

-- name: addX :execlastid
INSERT INTO a_b VALUES (?2 + ?1);
