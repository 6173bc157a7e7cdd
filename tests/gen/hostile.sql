-- Names that are keywords, classes, or nothing that any language has as a name.
CREATE TABLE "class" (
    "a b" TEXT NOT NULL, a_b TEXT, "1st" INTEGER, "größe" REAL, "名前" TEXT, "fun" TEXT, "type" TEXT, "self" TEXT,
    "$x" TEXT, "say ""hi"" \n" TEXT, "__init__" TEXT, "str" TEXT, "constructor" TEXT, "component1" TEXT, "None" TEXT,
    "new
line" TEXT, "Class" TEXT, "_" TEXT, data BLOB, anything, "bool" BOOLEAN
);
CREATE TABLE "String" (id INTEGER PRIMARY KEY, "Integer" INTEGER NOT NULL);
CREATE TABLE "Database" (id INTEGER PRIMARY KEY, "Option" TEXT);
CREATE TABLE "名前" (id INTEGER PRIMARY KEY);
CREATE TABLE "2 fast" (id INTEGER PRIMARY KEY) STRICT;
CREATE TABLE a_b (x INTEGER NOT NULL);
CREATE TABLE "aB" (x TEXT);
CREATE TABLE "Pick" (id INTEGER PRIMARY KEY);
CREATE TABLE "*/ end" (id INTEGER PRIMARY KEY);
CREATE VIEW "a view" AS SELECT "a b", "1st" FROM "class";
CREATE VIRTUAL TABLE notes USING fts5(body);
