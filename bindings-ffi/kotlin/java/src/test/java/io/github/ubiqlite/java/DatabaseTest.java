package io.github.ubiqlite.java;

import static io.github.ubiqlite.java.Support.ENDLESS;
import static io.github.ubiqlite.java.Support.failure;
import static io.github.ubiqlite.java.Support.file;
import static io.github.ubiqlite.java.Support.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.ubiqlite.Damage;
import io.github.ubiqlite.ErrorKind;
import io.github.ubiqlite.Executed;
import io.github.ubiqlite.JournalMode;
import io.github.ubiqlite.Recovered;
import io.github.ubiqlite.Statement;
import io.github.ubiqlite.Synchronous;
import io.github.ubiqlite.UbiqliteException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DatabaseTest extends WithDatabase {
    @BeforeEach
    void fill() throws Exception {
        get(db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE, value REAL)"));
    }

    @Test
    void statements_take_parameters_by_position_and_by_name() throws Exception {
        assertEquals(file(folder), db.getPath());
        Executed done = get(db.execute("INSERT INTO items (name, value) VALUES (?, ?)", "lamp", 1.5));
        assertEquals(1, done.getRowsChanged());
        assertEquals(1, done.getLastRowId());
        get(db.execute(
            "INSERT INTO items (name, value) VALUES (:name, :value)",
            Parameters.named(Map.of("name", "chair", ":value", 2))));
        get(db.execute("INSERT INTO items (name) VALUES (?)", Parameters.of(List.of("table"))));
        get(db.execute("INSERT INTO items (name) VALUES (?)", (Object) null));

        List<Row> rows = get(db.query("SELECT name, value FROM items ORDER BY id"));
        assertEquals(4, rows.size());
        assertEquals("lamp", rows.get(0).getString("name"));
        assertEquals(2.0, rows.get(1).getDouble("value"));
        assertTrue(rows.get(3).isNull("name"));
        assertEquals("chair", get(db.queryOne("SELECT name FROM items WHERE id = ?", 2)).getString(0));
        assertNull(get(db.queryOptional("SELECT name FROM items WHERE id = ?", 9)));
        assertEquals("chair", get(db.queryOptional("SELECT name FROM items WHERE id = ?", 2)).getString(0));
        assertEquals(4L, get(db.queryValue(Long.class, "SELECT count(*) FROM items")));
        assertNull(get(db.queryValue(Long.class, "SELECT max(value) FROM items WHERE id = ?", 9)));
    }

    @Test
    void many_rows_are_written_whole_or_not_at_all() throws Exception {
        assertEquals(3L, get(db.executeMany(
            "INSERT INTO items (id, name) VALUES (?, ?)",
            List.of(List.of(1, "a"), new Object[] {2, "b"}, Parameters.of(List.of(3, "c"))))));
        assertEquals(1L, get(db.executeMany(
            "INSERT INTO items (id, name) VALUES (:id, :name)", List.of(Map.of("id", 4, "name", "d")))));
        Stream<List<Object>> source = IntStream.rangeClosed(5, 10_004).mapToObj(id -> List.of(id, "item " + id));
        assertEquals(10_000L, get(db.executeMany("INSERT INTO items (id, name) VALUES (?, ?)", source::iterator)));

        var twice = failure(
            UbiqliteException.UniqueViolation.class,
            db.executeMany("INSERT INTO items (name) VALUES (?)", List.of(List.of("new"), List.of("a"))));
        assertEquals(1, twice.getIndex());
        assertEquals(10_004L, get(db.queryValue(Long.class, "SELECT count(*) FROM items")));
    }

    @Test
    void a_batch_is_a_script_or_statements() throws Exception {
        List<Executed> done = get(db.batch(List.of(
            new Statement("INSERT INTO items (name) VALUES (?)", "a"),
            new Statement("UPDATE items SET value = 1"))));
        assertEquals(2, done.size());
        assertEquals(1, get(db.batch("CREATE TABLE a (x); CREATE TABLE b (y);")).size());
        var failed = failure(
            UbiqliteException.NoSuchTable.class,
            db.batch(List.of(new Statement("DELETE FROM items"), new Statement("DELETE FROM nowhere"))));
        assertEquals(1, failed.getIndex());
        assertEquals(1L, get(db.queryValue(Long.class, "SELECT count(*) FROM items")));
    }

    @Test
    void what_is_wrong_with_a_database_is_told() throws Exception {
        assertEquals(List.of(), get(db.check()));
        get(db.execute("CREATE TABLE parts (item INTEGER REFERENCES items (id))"));
        Session session = get(db.acquire());
        get(session.execute("PRAGMA foreign_keys = OFF"));
        get(session.execute("INSERT INTO parts VALUES (7)"));
        session.close();
        Damage damage = get(db.check()).get(0);
        assertEquals(new Damage(Damage.Kind.FOREIGN_KEY, "parts", 1L, "items", "item"), damage);
    }

    @Test
    void what_is_left_of_a_database_is_saved(@TempDir Path folder) throws Exception {
        String damaged = folder.resolve("damaged.db").toString();
        UbiqliteDatabase own = get(UbiqliteDatabase.open(damaged));
        get(own.batch("CREATE TABLE things (id INTEGER PRIMARY KEY); INSERT INTO things VALUES (7)"));
        Recovered saved = get(own.recover(folder.resolve("one.db").toString()));
        assertEquals(new Recovered(Map.of("things", 1L), 0), saved);
        get(own.close());
        saved = get(UbiqliteDatabase.recover(damaged, folder.resolve("two.db").toString()));
        assertEquals(Map.of("things", 1L), saved.getTables());
        failure(UbiqliteException.InvalidArgument.class, UbiqliteDatabase.recover("", damaged));
    }

    @Test
    void an_error_is_the_cause_with_its_kind() {
        var syntax = failure(UbiqliteException.Syntax.class, db.query("SELEC 1"));
        assertEquals(ErrorKind.Syntax, syntax.getKind());
        failure(UbiqliteException.NoSuchTable.class, db.query("SELECT * FROM nowhere"));
        failure(UbiqliteException.InvalidArgument.class, db.query("SELECT ?", new Object()));
        failure(UbiqliteException.InvalidArgument.class, db.query("SELECT ?"));
        failure(UbiqliteException.InvalidArgument.class, db.query("SELECT ?", "\ud800"));
        failure(UbiqliteException.InvalidArgument.class, db.query("SELECT ?", Parameters.of(List.of(1)), 2));
        failure(UbiqliteException.InvalidArgument.class, db.executeMany("SELECT ?", List.of("no list")));
        failure(UbiqliteException.NotFound.class, db.queryOne("SELECT 1 WHERE 0"));
        failure(UbiqliteException.NotFound.class, db.queryValue(Long.class, "SELECT 1 WHERE 0"));
        failure(UbiqliteException.DatatypeMismatch.class, db.queryValue(Long.class, "SELECT 'text'"));
        failure(UbiqliteException.InvalidArgument.class, db.queryValue(Thread.class, "SELECT 1"));
        // `join` wraps the error too, as with every future.
        var joined = assertThrows(CompletionException.class, () -> db.query("SELEC 1").join());
        assertEquals(ErrorKind.Syntax, ((UbiqliteException) joined.getCause()).getKind());
    }

    @Test
    void a_null_where_none_is_allowed_is_refused_by_the_call_itself() {
        assertThrows(NullPointerException.class, () -> db.query(null));
        assertThrows(NullPointerException.class, () -> db.query("SELECT ?", (Object[]) null));
        assertThrows(NullPointerException.class, () -> db.table(null));
        assertThrows(NullPointerException.class, () -> db.queryValue(null, "SELECT 1"));
        assertThrows(NullPointerException.class, () -> UbiqliteDatabase.open(null));
    }

    @Test
    void a_short_read_is_done_when_the_call_returns() throws Exception {
        // The first query may have to compile the statement, or find the connection in use.
        get(db.queryValue(Long.class, "SELECT 1"));
        assertTrue(db.queryValue(Long.class, "SELECT 1").isDone());
    }

    @Test
    void a_time_limit_is_of_every_call_made_through_it() {
        UbiqliteDatabase limited = db.timeout(Duration.ofMillis(50));
        failure(UbiqliteException.Timeout.class, limited.query(ENDLESS));
        assertThrows(UbiqliteException.InvalidArgument.class, () -> db.timeout(Duration.ofMillis(-1)));
    }

    @Test
    void what_the_database_can_do_is_told() throws Exception {
        var able = get(db.capabilities());
        assertTrue(able.getTransactions() && able.getCursors() && able.getSnapshots() && able.getSessions());
        assertTrue(able.getWatches() && able.getRowChanges());
    }

    @Test
    void a_closed_database_says_so() throws Exception {
        get(db.close());
        get(db.close());
        failure(UbiqliteException.Closed.class, db.query("SELECT 1"));
        failure(UbiqliteException.Closed.class, db.begin());
        failure(UbiqliteException.Closed.class, db.transaction(tx -> CompletableFuture.completedFuture(1)));
        failure(UbiqliteException.Closed.class, db.stream("SELECT 1").forEach(row -> {}));
    }

    @Test
    void options_reach_the_engine() throws Exception {
        UbiqliteOptions options = UbiqliteOptions.builder()
            .create(true).readers(2).sessions(1).busyTimeout(Duration.ofMillis(300))
            .acquireTimeout(Duration.ofMillis(50)).stallTimeout(Duration.ofSeconds(1))
            .foreignKeys(false).trustedSchema(true).cacheKib(1024).statementCache(16)
            .inline(false).leases(false).walLimit(1 << 20)
            .journalMode(JournalMode.DELETE).synchronous(Synchronous.NORMAL)
            .build();
        UbiqliteDatabase other = get(UbiqliteDatabase.open(folder.resolve("other.db").toString(), options));
        assertEquals("delete", get(other.queryValue(String.class, "PRAGMA journal_mode")));
        try (Session held = get(other.acquire())) {
            assertEquals(0L, get(held.queryValue(Long.class, "PRAGMA foreign_keys")));
            failure(UbiqliteException.Timeout.class, other.acquire());
        }
        get(other.close());

        UbiqliteDatabase reading = get(UbiqliteDatabase.open(file(folder), UbiqliteOptions.builder().readOnly(true).build()));
        failure(UbiqliteException.ReadOnly.class, reading.execute("DELETE FROM items"));
        get(reading.close());
    }

    @Test
    void a_bad_path_or_option_fails_the_opening() {
        failure(UbiqliteException.InvalidArgument.class, UbiqliteDatabase.open(""));
        failure(UbiqliteException.CannotOpen.class, UbiqliteDatabase.open(folder.toString()));
        for (UbiqliteOptions.Builder bad : List.of(
            UbiqliteOptions.builder().readers(-1),
            UbiqliteOptions.builder().busyTimeout(Duration.ofSeconds(-1)),
            UbiqliteOptions.builder().walLimit(-1))) {
            failure(UbiqliteException.InvalidArgument.class, UbiqliteDatabase.open(file(folder), bad.build()));
        }
    }

    @Test
    void built_options_are_not_changed_by_their_builder() throws Exception {
        UbiqliteOptions.Builder builder = UbiqliteOptions.builder();
        UbiqliteOptions options = builder.build();
        builder.readOnly(true);
        UbiqliteDatabase other = get(UbiqliteDatabase.open(file(folder), options));
        assertEquals(1L, get(other.execute("INSERT INTO items (name) VALUES ('a')")).getRowsChanged());
        get(other.close());
    }

    @Test
    void what_waited_goes_on_on_the_executor_and_never_on_the_thread_of_the_replies() throws Exception {
        List<String> threads = Collections.synchronizedList(new ArrayList<>());
        Executor executor = work -> ForkJoinPool.commonPool().execute(() -> {
            Thread.currentThread().setName("mine");
            work.run();
        });
        UbiqliteOptions options = UbiqliteOptions.builder().executor(executor).inline(false).build();
        UbiqliteDatabase other = get(UbiqliteDatabase.open(file(folder), options));
        get(other.transaction(tx -> {
            threads.add(Thread.currentThread().getName());
            return tx.execute("INSERT INTO items (name) VALUES ('a')");
        }));
        get(other.stream("SELECT * FROM items").forEach(row -> threads.add(Thread.currentThread().getName())));
        for (int turn = 0; turn < 20; turn++) {
            get(other.query("SELECT * FROM items").thenRun(() -> threads.add(Thread.currentThread().getName())));
        }
        String here = Thread.currentThread().getName();
        assertFalse(threads.isEmpty());
        // In debug mode coroutines append their number to the thread's name.
        assertTrue(threads.get(0).startsWith("mine") && threads.get(1).startsWith("mine"), threads.toString());
        for (String thread : threads) assertTrue(thread.startsWith("mine") || thread.equals(here), thread);
        get(other.close());
    }
}
