package io.github.ubiqlite.java;

import static io.github.ubiqlite.java.Support.failure;
import static io.github.ubiqlite.java.Support.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.ubiqlite.Comparison;
import io.github.ubiqlite.Key;
import io.github.ubiqlite.Order;
import io.github.ubiqlite.Transfer;
import io.github.ubiqlite.UbiqliteException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TableTest extends WithDatabase {
    private Table items;

    @BeforeEach
    void fill() throws Exception {
        get(db.batch(
            "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, status TEXT DEFAULT 'new', value INTEGER, data TEXT);"
                + "CREATE TABLE places (x INTEGER, y INTEGER, name TEXT, PRIMARY KEY (x, y));"
                + "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER CHECK (balance >= 0));"));
        items = db.table("items");
    }

    private static List<Long> ids(List<Row> rows) {
        return rows.stream().map(row -> row.getLong("id")).collect(Collectors.toList());
    }

    @Test
    void rows_are_inserted_read_changed_and_deleted_by_key() throws Exception {
        assertEquals("items", items.getName());
        Object id = get(items.insert(Map.of("name", "lamp", "data", Map.of("watt", 40))));
        assertEquals(1L, id);
        Row lamp = get(items.get(id));
        assertEquals("lamp", lamp.getString("name"));
        assertEquals("new", lamp.getString("status"));
        assertEquals("{\"watt\":40}", lamp.getString("data"));
        assertTrue(get(items.update(id, Map.of("status", "done"))));
        assertTrue(get(items.update(id, Collections.singletonMap("name", null))));
        assertFalse(get(items.update(99, Map.of("status", "done"))));
        assertFalse(get(items.update(id, Map.of())));
        assertEquals(1L, get(items.upsert(Map.of("id", 1, "value", 5))));
        lamp = get(items.get(1));
        assertEquals("done", lamp.getString("status"));
        assertNull(lamp.getString("name"));
        assertEquals(5L, lamp.getLong("value"));
        assertTrue(get(items.delete(1)));
        assertFalse(get(items.delete(1)));
        assertNull(get(items.get(1)));
        assertEquals(0L, get(items.count()));
    }

    @Test
    void a_key_may_have_several_columns() throws Exception {
        Table places = db.table("places");
        assertEquals(new Key(1L, 2L), get(places.insert(Map.of("x", 1, "y", 2, "name", "here"))));
        assertEquals("here", get(places.get(new Key(1, 2))).getString("name"));
        assertTrue(get(places.delete(new Key(List.of(1, 2)))));
    }

    @Test
    void many_rows_are_inserted_and_changed_all_or_none() throws Exception {
        assertEquals(2L, get(items.insertMany(List.of(Map.of("name", "a"), Map.of("value", 2)))));
        Stream<Map<String, Object>> source = IntStream.rangeClosed(3, 5_000).mapToObj(id -> Map.of("id", id, "name", "n"));
        assertEquals(4_998L, get(items.insertMany(source::iterator)));
        assertEquals(2L, get(items.updateMany(List.of(1, 2, 2, 9_999), Map.of("status", "done"))));
        assertEquals(2L, get(items.select().where("status", "done").count()));
        var failed = failure(
            UbiqliteException.PrimaryKeyViolation.class,
            items.insertMany(List.of(Map.of("id", 6_000), Map.of("id", 1))));
        assertEquals(1, failed.getIndex());
        assertNull(get(items.get(6_000)));
    }

    @Test
    void names_that_there_are_not_are_refused() {
        failure(UbiqliteException.NoSuchTable.class, db.table("nowhere").count());
        var column = failure(UbiqliteException.NoSuchColumn.class, items.insert(Map.of("colour", "red")));
        assertEquals(List.of("colour"), column.getColumns());
        failure(UbiqliteException.NoSuchColumn.class, items.select().where("colour", 1).all());
        failure(UbiqliteException.InvalidArgument.class, items.get(new Object()));
    }

    @Test
    void rows_are_selected_by_filters_in_an_order() throws Exception {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int id = 1; id <= 10; id++) {
            rows.add(id % 2 == 0 ? Map.of("id", id, "name", "even", "value", id) : Map.of("id", id, "name", "odd"));
        }
        get(items.insertMany(rows));
        Select even = items.select().where("name", "even").orderBy("id");
        assertEquals(List.of(2L, 4L, 6L, 8L, 10L), ids(get(even.all())));
        assertEquals(List.of(4L, 6L), ids(get(even.offset(1).limit(2).all())));
        assertEquals(List.of(8L, 10L), ids(get(even.where("value", Comparison.GT, 6).all())));
        assertEquals(10L, get(items.select().orderBy("id", Order.DESC).first()).getLong("id"));
        assertEquals(List.of(1L, 2L), ids(get(items.select().whereIn("id", List.of(1, 2, 99)).orderBy("id").all())));
        assertEquals(5L, get(items.select().whereNull("value").count()));
        assertEquals(5L, get(items.select().whereNotNull("value").count()));
        assertEquals(5L, get(items.select().where("value", null).count()));
        assertNull(get(items.select().where("id", 99).first()));
        List<Long> streamed = new ArrayList<>();
        get(even.stream().forEach(row -> streamed.add(row.getLong("id"))));
        assertEquals(List.of(2L, 4L, 6L, 8L, 10L), streamed);
        List<Long> all = new ArrayList<>();
        get(items.stream().forEach(row -> all.add(row.getLong("id"))));
        assertEquals(10, all.size());
        assertThrows(UbiqliteException.InvalidArgument.class, () -> items.select().limit(-1));
        assertThrows(UbiqliteException.InvalidArgument.class, () -> items.select().offset(-1));
    }

    @Test
    void amounts_are_moved_all_or_none() throws Exception {
        Table accounts = db.table("accounts");
        get(accounts.insertMany(List.of(Map.of("id", 1, "balance", 100), Map.of("id", 2, "balance", 0))));
        get(accounts.transfer("balance", List.of(new Transfer(1, 2, 30))));
        var failed = failure(
            UbiqliteException.NotFound.class,
            accounts.transfer("balance", List.of(new Transfer(1, 2, 30), new Transfer(1, 9, 1))));
        assertEquals(1, failed.getIndex());
        failure(UbiqliteException.CheckViolation.class, accounts.transfer("balance", List.of(new Transfer(1, 2, 71))));
        assertEquals(70L, get(accounts.get(1)).getLong("balance"));
        assertEquals(30L, get(accounts.get(2)).getLong("balance"));
    }
}
