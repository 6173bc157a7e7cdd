package io.github.ubiqlite.java;

import static io.github.ubiqlite.java.Support.cause;
import static io.github.ubiqlite.java.Support.failure;
import static io.github.ubiqlite.java.Support.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.ubiqlite.Applied;
import io.github.ubiqlite.Conflict;
import io.github.ubiqlite.OutboxBatch;
import io.github.ubiqlite.Policy;
import io.github.ubiqlite.UbiqliteException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class OutboxTest {
    private UbiqliteDatabase here;
    private UbiqliteDatabase there;
    private Outbox outbox;
    private final BlockingQueue<OutboxBatch> seen = new LinkedBlockingQueue<>();

    @BeforeEach
    void open() throws Exception {
        here = opened();
        there = opened();
        outbox = get(here.outbox("notes"));
    }

    private static UbiqliteDatabase opened() throws Exception {
        UbiqliteDatabase db = get(UbiqliteDatabase.open(":memory:"));
        get(db.batch("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, at INTEGER);"
            + "INSERT INTO notes VALUES (1, 'one', 1)"));
        return db;
    }

    @AfterEach
    void close() throws Exception {
        get(here.close());
        get(there.close());
    }

    private static String text(UbiqliteDatabase db) throws Exception {
        return get(db.queryValue(String.class, "SELECT group_concat(text) FROM (SELECT text FROM notes ORDER BY id)"));
    }

    private OutboxBatch next() throws Exception {
        OutboxBatch batch = seen.poll(20, TimeUnit.SECONDS);
        assertTrue(batch != null, "no batch came");
        return batch;
    }

    @Test
    void batches_are_sent_one_after_another_and_stay_until_they_are_acknowledged() throws Exception {
        get(here.execute("INSERT INTO notes VALUES (2, 'two', 2)"));
        get(here.execute("INSERT INTO notes VALUES (3, 'three', 3)"));
        var arrived = new LinkedBlockingQueue<Long>();
        var own = new IllegalStateException("the network is down");
        var failing = outbox.forEach(batch -> there.apply(batch.getBytes(), Policy.ABORT).thenCompose(done -> {
            if (batch.getId() == 2) throw own;
            return outbox.ack(batch.getId());
        }));
        assertSame(own, cause(failing));
        assertEquals("one,two,three", text(there));
        var sending = outbox.forEach(batch -> there.apply(batch.getBytes(), Policy.THEIRS)
            .thenCompose(done -> outbox.ack(batch.getId()))
            .thenAccept(done -> arrived.add(batch.getId())));
        assertEquals(2L, arrived.poll(20, TimeUnit.SECONDS));
        get(here.execute("UPDATE notes SET text = 'ONE' WHERE id = 1"));
        assertEquals(3L, arrived.poll(20, TimeUnit.SECONDS));
        assertEquals("ONE,two,three", text(there));
        assertNull(get(get(here.outbox("notes")).next()));
        get(here.close());
        assertNull(get(sending));
        assertTrue(get(there.capabilities()).getChangesets());
    }

    @Test
    void next_returns_what_waits_and_then_null() throws Exception {
        assertNull(get(outbox.next()));
        get(here.execute("DELETE FROM notes"));
        OutboxBatch batch = get(outbox.next());
        assertNull(get(outbox.next()));
        assertEquals(batch.getId(), get(get(here.outbox("notes")).next()).getId());
        assertEquals(List.of(), get(there.apply(batch.getBytes(), Policy.ABORT)).getConflicts());
        assertNull(text(there));
        outbox.close();
        failure(UbiqliteException.Closed.class, outbox.next());
        failure(UbiqliteException.NoSuchTable.class, here.outbox("nowhere"));
    }

    @Test
    void a_subscriber_gets_as_many_batches_as_it_requests() throws Exception {
        var end = new CompletableFuture<Void>();
        var subscription = new CompletableFuture<Flow.Subscription>();
        outbox.subscribe(new Flow.Subscriber<>() {
            @Override
            public void onSubscribe(Flow.Subscription begun) {
                subscription.complete(begun);
            }

            @Override
            public void onNext(OutboxBatch batch) {
                seen.add(batch);
            }

            @Override
            public void onError(Throwable error) {
                end.completeExceptionally(error);
            }

            @Override
            public void onComplete() {
                end.complete(null);
            }
        });
        get(here.execute("INSERT INTO notes VALUES (2, 'two', 2)"));
        get(here.execute("INSERT INTO notes VALUES (3, 'three', 3)"));
        get(subscription).request(1);
        long first = next().getId();
        assertTrue(seen.isEmpty());
        get(subscription).request(2);
        assertTrue(next().getId() > first);
        get(here.execute("INSERT INTO notes VALUES (4, 'four', 4)"));
        get(there.apply(next().getBytes(), Policy.ABORT));
        assertEquals("one,four", text(there));
        get(subscription).request(Long.MAX_VALUE);
        get(here.close());
        get(end);
    }

    @Test
    void a_conflict_comes_back_as_data_and_is_decided_by_the_policy() throws Exception {
        get(here.execute("UPDATE notes SET text = 'theirs', at = 9"));
        get(there.execute("UPDATE notes SET text = 'ours', at = 5"));
        byte[] bytes = get(outbox.next()).getBytes();
        failure(UbiqliteException.ConstraintViolation.class, there.apply(bytes, Policy.ABORT));
        Applied kept = get(there.apply(bytes, Policy.THEIRS, Map.of("notes", Policy.OURS)));
        assertFalse(kept.getRebased());
        Conflict conflict = kept.getConflicts().get(0);
        assertSame(Conflict.Kind.DATA, conflict.getKind());
        assertSame(Conflict.Change.UPDATED, conflict.getChange());
        assertSame(Conflict.Decision.OURS, conflict.getDecision());
        assertEquals("notes", conflict.getTable());
        assertEquals(Map.of("id", 1L), conflict.getKey());
        assertEquals(Map.of("id", 1L, "text", "ours", "at", 5L), conflict.getOurs());
        assertEquals(Map.of("id", 1L, "text", "theirs", "at", 9L), conflict.getTheirs());
        assertEquals("ours", text(there));
        assertSame(Conflict.Decision.THEIRS, get(there.apply(bytes, Policy.newest("at"))).getConflicts().get(0).getDecision());
        assertEquals("theirs", text(there));
    }

    @Test
    void applied_in_a_transaction_it_is_undone_with_it() throws Exception {
        get(here.execute("UPDATE notes SET text = 'theirs'"));
        byte[] bytes = get(outbox.next()).getBytes();
        var own = new IllegalStateException("undone");
        var texts = new ArrayList<String>();
        assertSame(own, cause(there.transaction(tx -> tx.apply(bytes, Policy.ABORT)
            .thenCompose(done -> tx.queryValue(String.class, "SELECT text FROM notes"))
            .thenApply(text -> {
                texts.add(text);
                throw own;
            }))));
        assertEquals(List.of("theirs"), texts);
        assertEquals("one", text(there));
        get(there.transaction(tx -> tx.apply(bytes, Policy.ABORT, Map.of("notes", Policy.THEIRS))));
        assertEquals("theirs", text(there));
    }
}
