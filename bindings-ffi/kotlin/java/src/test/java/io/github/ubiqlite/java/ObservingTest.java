package io.github.ubiqlite.java;

import static io.github.ubiqlite.java.Support.failure;
import static io.github.ubiqlite.java.Support.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.ubiqlite.TracedCall;
import io.github.ubiqlite.UbiqliteException;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ObservingTest extends WithDatabase {
    @BeforeEach
    void fill() throws Exception {
        get(db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY)"));
    }

    @Test
    void a_transaction_that_is_held_is_seen() throws Exception {
        var held = get(db.begin());
        var stats = get(db.stats());
        assertTrue(stats.transactionAgeAsJava().compareTo(Duration.ZERO) > 0);
        assertEquals(1, stats.getCommits());
        get(held.commit());
        stats = get(db.stats());
        assertNull(stats.transactionAgeAsJava());
        assertEquals(2, stats.getTransactions().getCount() + stats.getWrites());
        assertTrue(stats.getTransactions().longestAsJava().compareTo(stats.getTransactions().totalAsJava()) <= 0);
    }

    @Test
    void calls_are_told_with_the_times_of_java() throws Exception {
        var calls = new LinkedBlockingQueue<TracedCall>();
        TracedCall done;
        TracedCall failed;
        try (AutoCloseable tracing = db.trace(calls::add)) {
            assertNotNull(tracing);
            get(db.execute("INSERT INTO items VALUES (1), (2)"));
            failure(UbiqliteException.PrimaryKeyViolation.class, db.execute("INSERT INTO items VALUES (1)"));
            done = calls.poll(20, TimeUnit.SECONDS);
            failed = calls.poll(20, TimeUnit.SECONDS);
        }
        get(db.query("SELECT 1"));
        assertEquals("INSERT items", done.getSummary());
        assertEquals(2, done.getRowsChanged());
        assertTrue(done.runAsJava().compareTo(Duration.ZERO) > 0);
        assertTrue(done.queueWaitAsJava().compareTo(done.durationAsJava()) <= 0);
        assertTrue(done.getStarted().isBefore(Instant.now().plusSeconds(1)));
        assertInstanceOf(UbiqliteException.PrimaryKeyViolation.class, failed.getError());
        try (AutoCloseable tracing = db.trace(Duration.ofHours(1), calls::add)) {
            assertNotNull(tracing);
            get(db.query("SELECT 2"));
        }
        try (AutoCloseable tracing = db.trace(calls::add)) {
            assertNotNull(tracing);
            get(db.query("SELECT 3"));
            assertEquals("SELECT 3", calls.poll(20, TimeUnit.SECONDS).getSql());
        }
    }
}
