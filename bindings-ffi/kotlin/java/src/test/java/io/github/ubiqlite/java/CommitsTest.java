package io.github.ubiqlite.java;

import static io.github.ubiqlite.java.Support.cause;
import static io.github.ubiqlite.java.Support.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.ubiqlite.ChangedRow;
import io.github.ubiqlite.ChangedTable;
import io.github.ubiqlite.CommitEvent;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CommitsTest {
    private UbiqliteDatabase db;
    private final BlockingQueue<CommitEvent> seen = new LinkedBlockingQueue<>();

    @BeforeEach
    void open() throws Exception {
        db = get(UbiqliteDatabase.open(":memory:"));
        get(db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)"));
    }

    @AfterEach
    void close() throws Exception {
        get(db.close());
    }

    /** Writes until the feed, which begins on another thread, has begun: then its first event has come. */
    private CommitEvent first() throws Exception {
        for (int id = 1000; ; id++) {
            get(db.execute("INSERT INTO items VALUES (?, '')", id));
            CommitEvent event = seen.poll(100, TimeUnit.MILLISECONDS);
            if (event != null) return event;
            assertTrue(id < 1400, "no event came");
        }
    }

    private static ChangedRow only(CommitEvent event) {
        assertEquals(1, event.getTables().size());
        ChangedTable table = event.getTables().get(0);
        assertEquals("items", table.getName());
        assertEquals(1, table.getRows().size());
        return table.getRows().get(0);
    }

    @Test
    void each_commit_is_told_with_its_rows_until_the_database_is_closed() throws Exception {
        var following = db.commits("items").forEach(seen::add);
        CommitEvent first = first();
        // Of a commit during which it has begun, the feed may know no more than that.
        if (!first.getEverything()) assertSame(ChangedRow.Kind.INSERT, only(first).getKind());
        get(db.execute("UPDATE items SET name = 'bed' WHERE id = 1000"));
        CommitEvent event = seen.poll(20, TimeUnit.SECONDS);
        while (only(event).getKind() == ChangedRow.Kind.INSERT) event = seen.poll(20, TimeUnit.SECONDS);
        assertSame(ChangedRow.Kind.UPDATE, only(event).getKind());
        assertEquals(1000L, only(event).getKey());
        get(db.close());
        assertNull(get(following));
    }

    @Test
    void a_subscriber_gets_as_many_events_as_it_requests() throws Exception {
        var end = new CompletableFuture<Void>();
        var subscription = new CompletableFuture<Flow.Subscription>();
        db.commits().subscribe(new Flow.Subscriber<>() {
            @Override
            public void onSubscribe(Flow.Subscription begun) {
                subscription.complete(begun);
            }

            @Override
            public void onNext(CommitEvent event) {
                seen.add(event);
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
        get(subscription).request(1);
        first();
        get(db.execute("INSERT INTO items VALUES (1, '')"));
        assertTrue(seen.isEmpty());
        get(subscription).request(Long.MAX_VALUE);
        for (boolean found = false; !found; ) found = only(seen.poll(20, TimeUnit.SECONDS)).getKey().equals(1L);
        get(db.close());
        get(end);
    }

    @Test
    void a_feed_whose_action_throws_ends() throws Exception {
        var own = new IllegalStateException("of the user");
        var following = db.commits().forEach(event -> {
            seen.add(event);
            throw own;
        });
        first();
        assertSame(own, cause(following));
        assertEquals(List.of(), List.copyOf(seen));
    }
}
