package io.github.ubiqlite.java;

import static io.github.ubiqlite.java.Support.cause;
import static io.github.ubiqlite.java.Support.failure;
import static io.github.ubiqlite.java.Support.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.ubiqlite.Statement;
import io.github.ubiqlite.Update;
import io.github.ubiqlite.UbiqliteException;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class WatchTest {
    private UbiqliteDatabase db;
    private final BlockingQueue<Update<Row>> seen = new LinkedBlockingQueue<>();

    @BeforeEach
    void open() throws Exception {
        db = get(UbiqliteDatabase.open(":memory:"));
        get(db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO items VALUES (1, 'lamp'), (2, 'sofa')"));
    }

    @AfterEach
    void close() throws Exception {
        get(db.close());
    }

    private Update<Row> next() throws InterruptedException {
        Update<Row> update = seen.poll(20, TimeUnit.SECONDS);
        assertTrue(update != null, "no result came");
        return update;
    }

    /** Requests nothing by itself. */
    private final class Collector implements Flow.Subscriber<Update<Row>> {
        final CompletableFuture<Flow.Subscription> subscription = new CompletableFuture<>();
        final CompletableFuture<Void> end = new CompletableFuture<>();

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            this.subscription.complete(subscription);
        }

        @Override
        public void onNext(Update<Row> update) {
            seen.add(update);
        }

        @Override
        public void onError(Throwable error) {
            end.completeExceptionally(error);
        }

        @Override
        public void onComplete() {
            end.complete(null);
        }
    }

    @Test
    void a_change_is_told_with_the_same_rows_but_for_what_changed() throws Exception {
        var watching = db.watch(List.of("id"), "SELECT * FROM items WHERE id < ? ORDER BY id", 100).forEach(seen::add);
        Update<Row> first = next();
        assertEquals(List.of(0, 1), first.getAdded());
        get(db.execute("UPDATE items SET name = 'bed' WHERE id = 2"));
        Update<Row> second = next();
        assertEquals(List.of(1), second.getUpdated());
        assertTrue(second.getAdded().isEmpty() && second.getRemoved().isEmpty());
        assertSame(first.getRows().get(0), second.getRows().get(0));
        assertEquals("bed", second.getRows().get(1).getString("name"));
        assertTrue(second.getMoment() > first.getMoment());
        get(db.close());
        assertNull(get(watching));
    }

    @Test
    void a_subscriber_gets_the_newest_when_it_requests() throws Exception {
        var collector = new Collector();
        db.table("items").select().where("id", 1).watch().subscribe(collector);
        Flow.Subscription subscription = get(collector.subscription);
        subscription.request(1);
        assertEquals("lamp", next().getRows().get(0).getString("name"));
        for (int turn = 0; turn < 50; turn++) get(db.execute("UPDATE items SET name = ? WHERE id = 1", "name " + turn));
        assertTrue(seen.isEmpty());
        subscription.request(1);
        assertEquals("name 49", next().getRows().get(0).getString("name"));
        subscription.request(1);
        get(db.close());
        get(collector.end);
        assertTrue(seen.isEmpty());
    }

    @Test
    void a_watch_that_is_cancelled_or_whose_action_throws_ends() throws Exception {
        var watching = db.watch("SELECT * FROM items").forEach(seen::add);
        next();
        watching.cancel(false);
        var own = new IllegalStateException("of the user");
        assertSame(own, cause(db.watch("SELECT * FROM items").forEach(update -> { throw own; })));
        failure(UbiqliteException.Unsupported.class, db.watch("DELETE FROM items").forEach(seen::add));
        get(db.touch("items"));
        get(db.close());
        assertFalse(seen.stream().anyMatch(update -> update.getRows().size() != 2));
    }

    @Test
    void results_of_several_queries_are_of_one_moment() throws Exception {
        var lists = new LinkedBlockingQueue<List<Update<Row>>>();
        var watching = db.watchAll(new Statement("SELECT * FROM items ORDER BY id"), new Statement("SELECT count(*) FROM items"))
            .forEach(lists::add);
        List<Update<Row>> first = lists.poll(20, TimeUnit.SECONDS);
        assertEquals(2L, first.get(1).getRows().get(0).getLong(0));
        get(db.execute("INSERT INTO items VALUES (3, 'desk')"));
        List<Update<Row>> second = lists.poll(20, TimeUnit.SECONDS);
        assertEquals(List.of(2), second.get(0).getAdded());
        assertSame(first.get(0).getRows().get(1), second.get(0).getRows().get(1));
        assertEquals(3L, second.get(1).getRows().get(0).getLong(0));
        assertEquals(first.get(0).getMoment(), first.get(1).getMoment());
        get(db.close());
        assertNull(get(watching));
    }
}
