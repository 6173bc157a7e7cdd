package io.github.ubiqlite.java

import io.github.ubiqlite.Params

/**
 * Parameters as one value, in place of single parameters: by name, or as a list.
 *
 * ```java
 * db.query("SELECT * FROM items WHERE id > ? AND status = ?", 10, "new");
 * db.query("SELECT * FROM items WHERE id > :id AND status = :status", Parameters.named(Map.of("id", 10, "status", "new")));
 * db.query(sql, Parameters.of(values));
 * ```
 */
public object Parameters {
    /** Returns parameters by position: one value after another. */
    @JvmStatic
    public fun of(values: Iterable<*>): Params = Params.of(values)

    /** Returns parameters by name, with its sign (`:id`, `@id`, `$id`) or without it. */
    @JvmStatic
    public fun named(values: Map<String, *>): Params = Params.named(values)
}
