package io.github.ubiqlite.java;

import static io.github.ubiqlite.java.Support.get;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.ubiqlite.UbiqliteException;
import java.math.BigDecimal;
import java.time.DayOfWeek;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class RowTest extends WithDatabase {
    private static final Instant MOMENT = Instant.parse("2026-01-31T12:00:00.123456789Z");
    private static final LocalDate DAY = LocalDate.of(2026, 1, 31);
    private static final LocalTime CLOCK = LocalTime.of(12, 30, 15);
    private static final UUID ID = UUID.fromString("123e4567-e89b-12d3-a456-426614174000");
    private static final BigDecimal LONG_DECIMAL = new BigDecimal("3.14159265358979323846264338327950288");

    private Row row(String sql, Object... params) throws Exception {
        return get(db.queryOne(sql, params));
    }

    @Test
    void each_kind_of_value_is_read_by_name_and_by_place() throws Exception {
        Row row = row("SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e", 7, 1.5, true, "text", new byte[] {1, 2});
        assertEquals(List.of("a", "b", "c", "d", "e"), row.getColumns());
        assertEquals(5, row.size());
        assertEquals(1, row.indexOf("b"));
        assertEquals(-1, row.indexOf("z"));
        assertEquals(7L, row.getLong("a"));
        assertEquals(7L, row.getLong(0));
        assertEquals(7, row.getInt("a"));
        assertEquals(7, row.getInt(0));
        assertEquals(1.5, row.getDouble("b"));
        assertEquals(1.5, row.getDouble(1));
        assertTrue(row.getBoolean("c"));
        assertTrue(row.getBoolean(2));
        assertEquals("text", row.getString("d"));
        assertEquals("text", row.getString(3));
        assertArrayEquals(new byte[] {1, 2}, row.getBytes("e"));
        assertArrayEquals(new byte[] {1, 2}, row.getBytes(4));
        assertEquals("text", row.get("d"));
        assertEquals(7L, row.get(0));
        assertEquals(7, row.get("a", Integer.class));
        assertEquals(7L, row.get(0, Object.class));
        assertEquals(1.5, row.get("b", Double.class));
        assertEquals(true, row.get("c", Boolean.class));
        assertArrayEquals(new byte[] {1, 2}, row.get("e", byte[].class));
    }

    @Test
    void what_is_stored_as_text_comes_back_as_it_was() throws Exception {
        var local = LocalDateTime.of(DAY, CLOCK);
        Row row = row(
            "SELECT ? AS i, ? AS d, ? AS t, ? AS l, ? AS u, ? AS n, ? AS e",
            MOMENT, DAY, CLOCK, local, ID, LONG_DECIMAL, DayOfWeek.MONDAY);
        assertEquals(MOMENT, row.getInstant("i"));
        assertEquals(MOMENT, row.getInstant(0));
        assertEquals(DAY, row.getLocalDate("d"));
        assertEquals(DAY, row.getLocalDate(1));
        assertEquals(CLOCK, row.getLocalTime("t"));
        assertEquals(CLOCK, row.getLocalTime(2));
        assertEquals(local, row.getLocalDateTime("l"));
        assertEquals(local, row.getLocalDateTime(3));
        assertEquals(ID, row.getUuid("u"));
        assertEquals(ID, row.getUuid(4));
        assertEquals(LONG_DECIMAL, row.getBigDecimal("n"));
        assertEquals(LONG_DECIMAL, row.getBigDecimal(5));
        assertEquals("MONDAY", row.getString("e"));
        assertEquals(DayOfWeek.MONDAY, row.get("e", DayOfWeek.class));
        assertEquals(BigDecimal.TEN, row("SELECT 10").getBigDecimal(0));
        assertEquals(ID, get(db.queryValue(UUID.class, "SELECT ?", ID)));
    }

    @Test
    void null_is_null_and_no_primitive() throws Exception {
        Row row = row("SELECT NULL AS x");
        assertTrue(row.isNull("x") && row.isNull(0));
        assertNull(row.get("x"));
        assertNull(row.get("x", Long.class));
        assertNull(row.getString("x"));
        assertNull(row.getBytes("x"));
        assertNull(row.getInstant("x"));
        assertNull(row.getBigDecimal("x"));
        mismatch(() -> row.getLong("x"));
        mismatch(() -> row.getInt("x"));
        mismatch(() -> row.getDouble("x"));
        mismatch(() -> row.getBoolean("x"));
    }

    @Test
    void no_value_is_taken_for_another() throws Exception {
        Row row = row("SELECT 'text' AS text, 5000000000 AS big, 0.5 AS real, 'id' AS id, '2026-02-30' AS day");
        mismatch(() -> row.getLong("text"));
        mismatch(() -> row.getInt("big"));
        mismatch(() -> row.getBoolean("big"));
        mismatch(() -> row.getString("big"));
        mismatch(() -> row.getUuid("id"));
        mismatch(() -> row.getLocalDate("day"));
        mismatch(() -> row.getInstant("day"));
        var told = assertThrows(UbiqliteException.DatatypeMismatch.class, () -> row.getInstant("text"));
        assertEquals(List.of("text"), told.getColumns());
        assertTrue(told.getMessage().contains("\"text\""), told.getMessage());
    }

    private static void mismatch(Executable read) {
        assertThrows(UbiqliteException.DatatypeMismatch.class, read);
    }

    @Test
    void a_column_or_class_that_there_is_not_is_refused() throws Exception {
        Row row = row("SELECT 1 AS a");
        assertThrows(UbiqliteException.NoSuchColumn.class, () -> row.getLong("b"));
        assertThrows(UbiqliteException.NoSuchColumn.class, () -> row.getInstant("b"));
        assertThrows(UbiqliteException.NoSuchColumn.class, () -> row.get("b", Long.class));
        assertThrows(UbiqliteException.NoSuchColumn.class, () -> row.getInstant(1));
        assertThrows(UbiqliteException.NoSuchColumn.class, () -> row.get(-1));
        var told = assertThrows(UbiqliteException.InvalidArgument.class, () -> row.get("a", Thread.class));
        assertTrue(told.getMessage().contains("java.lang.Thread"), told.getMessage());
    }

    @Test
    void rows_are_equal_by_their_columns_and_values() throws Exception {
        Row one = row("SELECT 1 AS a, 'x' AS b");
        Row same = row("SELECT 1 AS a, 'x' AS b");
        assertEquals(one, same);
        assertEquals(one.hashCode(), same.hashCode());
        assertNotEquals(one, row("SELECT 2 AS a, 'x' AS b"));
        assertNotEquals(one, "x");
        assertEquals(Map.of("a", 1L, "b", "x"), one.toMap());
        assertEquals("{a=1, b=x}", one.toString());
    }
}
