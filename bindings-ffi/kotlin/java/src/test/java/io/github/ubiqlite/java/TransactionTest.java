package io.github.ubiqlite.java;

import static io.github.ubiqlite.java.Support.ENDLESS;
import static io.github.ubiqlite.java.Support.cause;
import static io.github.ubiqlite.java.Support.failure;
import static io.github.ubiqlite.java.Support.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.ubiqlite.Mode;
import io.github.ubiqlite.UbiqliteException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TransactionTest extends WithDatabase {
    @Override
    UbiqliteOptions options() {
        return UbiqliteOptions.builder().busyTimeout(Duration.ofSeconds(5)).build();
    }

    @BeforeEach
    void fill() throws Exception {
        get(db.batch("CREATE TABLE t (x INTEGER)"));
    }

    private List<Long> stored() throws Exception {
        List<Long> all = new ArrayList<>();
        for (Row row : get(db.query("SELECT x FROM t ORDER BY x"))) all.add(row.getLong(0));
        return all;
    }

    private static CompletableFuture<Long> insert(Statements place, int value) {
        return place.execute("INSERT INTO t VALUES (?)", value).thenApply(done -> done.getRowsChanged());
    }

    @Test
    void a_transaction_is_committed_when_its_stage_completes() throws Exception {
        Long count = get(db.transaction(tx -> insert(tx, 1)
            .thenCompose(done -> insert(tx, 2))
            .thenCompose(done -> tx.queryValue(Long.class, "SELECT count(*) FROM t"))));
        assertEquals(2L, count);
        assertEquals(List.of(1L, 2L), stored());
        assertNull(get(db.transaction(tx -> CompletableFuture.completedFuture(null))));
        Long changed = get(db.transaction(Mode.EXCLUSIVE, tx -> insert(tx, 3)));
        assertEquals(1L, changed);
    }

    @Test
    void a_stage_that_fails_rolls_back_and_is_the_cause() throws Exception {
        var failed = failure(
            UbiqliteException.NoSuchTable.class,
            db.transaction(tx -> insert(tx, 1).thenCompose(done -> tx.execute("DELETE FROM nowhere"))));
        assertEquals("nowhere", failed.getTable());
        var own = new IllegalStateException("of the user");
        assertSame(own, cause(db.transaction(tx -> insert(tx, 1).thenCompose(done -> CompletableFuture.failedFuture(own)))));
        assertSame(own, cause(db.transaction(tx -> insert(tx, 1).thenApply(done -> { throw own; }))));
        assertEquals(List.of(), stored());
    }

    @Test
    void a_function_that_throws_rolls_back_and_so_does_one_that_gives_null() throws Exception {
        var own = new IllegalStateException("of the user");
        CompletableFuture<Void> thrown = db.transaction(tx -> {
            insert(tx, 1);
            throw own;
        });
        assertSame(own, cause(thrown));
        CompletableFuture<Void> none = db.transaction(tx -> {
            insert(tx, 1);
            return null;
        });
        assertTrue(failure(UbiqliteException.InvalidArgument.class, none).getMessage().contains("returned null"));
        assertEquals(List.of(), stored());
    }

    @Test
    void cancelling_rolls_back_before_the_next_writer() throws Exception {
        var inside = new CountDownLatch(1);
        CompletableFuture<Row> running = db.transaction(tx -> insert(tx, 1).thenCompose(done -> {
            inside.countDown();
            return tx.queryOne(ENDLESS);
        }));
        inside.await();
        assertTrue(running.cancel(true));
        assertThrows(CancellationException.class, () -> get(running));
        insert(db, 2).get();
        assertEquals(List.of(2L), stored());
    }

    @Test
    void what_goes_on_in_a_transaction_that_is_over_is_refused() throws Exception {
        var kept = new CompletableFuture<Transaction>();
        get(db.transaction(tx -> {
            kept.complete(tx);
            return insert(tx, 1);
        }));
        failure(UbiqliteException.Closed.class, insert(get(kept), 2));
        assertEquals(List.of(1L), stored());
    }

    @Test
    void a_savepoint_is_undone_alone() throws Exception {
        var own = new IllegalStateException("of the user");
        get(db.transaction(tx -> insert(tx, 1)
            .thenCompose(done -> tx.savepoint(sp -> insert(sp, 2)))
            .thenCompose(done -> tx.<Long>savepoint(sp -> insert(sp, 3).thenApply(more -> { throw own; })).exceptionally(error -> null))));
        assertEquals(List.of(1L, 2L), stored());
    }

    @Test
    void a_handle_is_rolled_back_unless_it_is_committed() throws Exception {
        try (Transaction tx = get(db.begin())) {
            get(insert(tx, 1));
        }
        try (Transaction tx = get(db.begin(Mode.DEFERRED))) {
            get(insert(tx, 2));
            get(tx.rollback());
        }
        try (Transaction tx = get(db.begin())) {
            get(insert(tx, 3));
            try (Savepoint sp = get(tx.beginSavepoint())) {
                get(insert(sp, 4));
            }
            try (Savepoint sp = get(tx.beginSavepoint())) {
                get(insert(sp, 5));
                failure(UbiqliteException.Timeout.class, sp.timeout(Duration.ofMillis(20)).query(ENDLESS));
                get(sp.release());
            }
            get(tx.commit());
        }
        assertEquals(List.of(3L, 5L), stored());
    }

    @Test
    void a_time_limit_in_a_transaction_is_of_its_calls() throws Exception {
        try (Transaction tx = get(db.begin())) {
            failure(UbiqliteException.Timeout.class, tx.timeout(Duration.ofMillis(20)).query(ENDLESS));
        }
    }

    @Test
    void calls_on_a_transaction_happen_in_the_order_in_which_they_are_made() throws Exception {
        get(db.transaction(tx -> {
            for (int value = 1; value < 100; value++) insert(tx, value);
            tx.execute("DELETE FROM t");
            return insert(tx, 100);
        }));
        assertEquals(List.of(100L), stored());
    }

    @Test
    void a_session_has_a_connection_of_its_own() throws Exception {
        try (Session session = get(db.acquire())) {
            get(session.execute("CREATE TEMP TABLE seen (x)"));
            get(session.transaction(tx -> insert(tx, 1)));
            get(session.transaction(Mode.DEFERRED, tx -> insert(tx, 2)));
            try (Transaction tx = get(session.begin())) {
                get(insert(tx, 3));
            }
            try (Transaction tx = get(session.begin(Mode.EXCLUSIVE))) {
                get(insert(tx, 4));
                get(tx.commit());
            }
            failure(UbiqliteException.Timeout.class, session.timeout(Duration.ofMillis(20)).query(ENDLESS));
            CompletableFuture<List<Row>> running = session.query(ENDLESS);
            Thread.sleep(50);
            session.interrupt();
            failure(UbiqliteException.Cancelled.class, running);
        }
        assertEquals(List.of(1L, 2L, 4L), stored());
    }

    @Test
    void a_snapshot_is_of_one_moment() throws Exception {
        get(insert(db, 1));
        try (Snapshot moment = get(db.snapshot())) {
            assertEquals(1L, get(moment.table("t").count()));
            get(insert(db, 2));
            assertEquals(1L, get(moment.queryValue(Long.class, "SELECT count(*) FROM t")));
            assertEquals(1L, get(moment.timeout(Duration.ofSeconds(5)).table("t").count()));
        }
        assertEquals(List.of(1L, 2L), stored());
    }
}
