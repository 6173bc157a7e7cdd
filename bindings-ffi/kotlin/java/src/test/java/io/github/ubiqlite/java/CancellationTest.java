package io.github.ubiqlite.java;

import static io.github.ubiqlite.java.Support.ENDLESS;
import static io.github.ubiqlite.java.Support.NUMBERS;
import static io.github.ubiqlite.java.Support.failure;
import static io.github.ubiqlite.java.Support.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.ubiqlite.UbiqliteException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** There is one reader and one session, so a call that was not stopped would block all later calls. */
class CancellationTest extends WithDatabase {
    @Override
    UbiqliteOptions options() {
        return UbiqliteOptions.builder().readers(1).sessions(1).acquireTimeout(Duration.ofSeconds(10)).build();
    }

    @BeforeEach
    void fill() throws Exception {
        get(db.batch("CREATE TABLE t (x INTEGER)"));
    }

    @Test
    void cancelling_stops_the_query_in_the_engine() throws Exception {
        for (int turn = 0; turn < 10; turn++) {
            CompletableFuture<List<Row>> running = db.query(ENDLESS);
            Thread.sleep(10);
            assertTrue(running.cancel(true));
            assertThrows(CancellationException.class, running::join);
            assertEquals(1L, get(db.timeout(Duration.ofSeconds(5)).queryValue(Long.class, "SELECT 1")));
        }
    }

    @Test
    void a_write_that_is_cancelled_is_whole_or_not_at_all() throws Exception {
        CompletableFuture<?> running = db.execute("INSERT INTO t " + NUMBERS);
        Thread.sleep(30);
        running.cancel(true);
        get(db.execute("INSERT INTO t VALUES (-1)"));
        assertEquals(1L, get(db.queryValue(Long.class, "SELECT count(*) FROM t")));
    }

    @Test
    void cancelling_what_is_done_changes_nothing() throws Exception {
        CompletableFuture<Long> done = db.queryValue(Long.class, "SELECT 1");
        get(done);
        assertEquals(false, done.cancel(true));
        assertEquals(1L, get(done));
    }

    @Test
    void a_handle_whose_making_was_cancelled_is_given_back() throws Exception {
        Session held = get(db.acquire());
        CompletableFuture<Session> waiting = db.acquire();
        waiting.cancel(true);
        held.close();
        get(db.acquire()).close();
    }

    @Test
    void interrupting_stops_all_calls() throws Exception {
        CompletableFuture<List<Row>> running = db.query(ENDLESS);
        Thread.sleep(50);
        db.interrupt();
        failure(UbiqliteException.Cancelled.class, running);
    }

    @Test
    void a_stream_ends_with_its_future() throws Exception {
        var begun = new CountDownLatch(100);
        CompletableFuture<Void> running = db.stream(NUMBERS).forEach(row -> begun.countDown());
        begun.await();
        running.cancel(true);
        assertThrows(CancellationException.class, running::join);
        assertEquals(1L, get(db.timeout(Duration.ofSeconds(5)).queryValue(Long.class, "SELECT 1")));
    }

    @Test
    void closing_goes_on_if_its_future_is_cancelled() throws Exception {
        CompletableFuture<Void> closing = db.close();
        closing.cancel(true);
        get(db.close());
        failure(UbiqliteException.Closed.class, db.query("SELECT 1"));
    }
}
