CREATE TABLE items (
    id    INTEGER PRIMARY KEY,
    name  TEXT NOT NULL,
    price REAL,
    photo BLOB,
    sold  BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE TABLE parts (
    item INTEGER NOT NULL REFERENCES items (id),
    name TEXT NOT NULL
);
