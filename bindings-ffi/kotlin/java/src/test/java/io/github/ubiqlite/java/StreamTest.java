package io.github.ubiqlite.java;

import static io.github.ubiqlite.java.Support.NUMBERS;
import static io.github.ubiqlite.java.Support.cause;
import static io.github.ubiqlite.java.Support.failure;
import static io.github.ubiqlite.java.Support.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.ubiqlite.UbiqliteException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import org.junit.jupiter.api.Test;

class StreamTest extends WithDatabase {
    @Override
    UbiqliteOptions options() {
        return UbiqliteOptions.builder().readers(1).acquireTimeout(Duration.ofSeconds(5)).build();
    }

    private RowStream numbers(int count) {
        return db.stream(NUMBERS + " LIMIT ?", count);
    }

    /** Requests a fixed number of rows at a time, until it has as many as it wants. */
    private static final class Collector implements Flow.Subscriber<Row> {
        final List<Long> got = new ArrayList<>();
        final CompletableFuture<List<Long>> end = new CompletableFuture<>();
        private final long step;
        private final int wanted;
        Flow.Subscription subscription;

        Collector(long step, int wanted) {
            this.step = step;
            this.wanted = wanted;
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            this.subscription = subscription;
            subscription.request(step);
        }

        @Override
        public void onNext(Row row) {
            got.add(row.getLong(0));
            if (got.size() == wanted) {
                subscription.cancel();
                end.complete(got);
            } else if (step > 0 && step < Long.MAX_VALUE && got.size() % step == 0) {
                subscription.request(step);
            }
        }

        @Override
        public void onError(Throwable error) {
            end.completeExceptionally(error);
        }

        @Override
        public void onComplete() {
            end.complete(got);
        }
    }

    private static Collector subscribe(RowStream rows, long step, int wanted) {
        var collector = new Collector(step, wanted);
        rows.subscribe(collector);
        return collector;
    }

    @Test
    void rows_come_in_order_however_many_are_requested() throws Exception {
        for (long step : new long[] {1, 7, Long.MAX_VALUE}) {
            List<Long> got = get(subscribe(numbers(5_000), step, -1).end);
            assertEquals(5_000, got.size());
            assertEquals(5_000L, got.get(4_999));
        }
    }

    @Test
    void no_more_is_given_than_was_requested() throws Exception {
        var first = subscribe(numbers(5_000), 3, 1_000_000);
        while (first.got.size() < 3) Thread.sleep(5);
        var slow = new Collector(2, -1) ;
        first.subscription.cancel();
        numbers(5).subscribe(new Flow.Subscriber<>() {
            @Override
            public void onSubscribe(Flow.Subscription subscription) {
                slow.subscription = subscription;
                subscription.request(2);
            }

            @Override
            public void onNext(Row row) {
                slow.got.add(row.getLong(0));
            }

            @Override
            public void onError(Throwable error) {
                slow.onError(error);
            }

            @Override
            public void onComplete() {
                slow.onComplete();
            }
        });
        Thread.sleep(100);
        assertEquals(List.of(1L, 2L), slow.got);
        slow.subscription.request(Long.MAX_VALUE);
        assertEquals(List.of(1L, 2L, 3L, 4L, 5L), get(slow.end));
    }

    @Test
    void a_subscription_that_is_cancelled_ends_the_query() throws Exception {
        for (int turn = 0; turn < 5; turn++) {
            assertEquals(10, get(subscribe(db.stream(NUMBERS), 1, 10).end).size());
        }
        assertEquals(1L, get(db.timeout(Duration.ofSeconds(5)).queryValue(Long.class, "SELECT 1")));
    }

    @Test
    void a_failing_query_is_told_to_the_subscriber() {
        assertInstanceOf(UbiqliteException.Syntax.class, cause(subscribe(db.stream("SELEC 1"), 1, -1).end));
        var late = cause(subscribe(db.stream("SELECT abs(i) FROM (SELECT 1 AS i UNION ALL SELECT -9223372036854775807 - 1)"), 9, -1).end);
        assertInstanceOf(UbiqliteException.class, late);
    }

    @Test
    void a_request_of_nothing_is_an_error() {
        assertInstanceOf(IllegalArgumentException.class, cause(subscribe(numbers(5), 0, -1).end));
        assertThrows(NullPointerException.class, () -> numbers(5).subscribe(null));
    }

    @Test
    void each_subscriber_has_a_run_of_its_own() throws Exception {
        RowStream rows = numbers(100);
        assertEquals(100, get(subscribe(rows, 1, -1).end).size());
        assertEquals(100, get(subscribe(rows, 1, -1).end).size());
    }

    @Test
    void what_an_action_throws_ends_the_query() throws Exception {
        var own = new IllegalStateException("of the user");
        assertSame(own, cause(db.stream(NUMBERS).forEach(row -> { throw own; })));
        assertEquals(1L, get(db.timeout(Duration.ofSeconds(5)).queryValue(Long.class, "SELECT 1")));
        failure(UbiqliteException.NoSuchTable.class, db.stream("SELECT * FROM nowhere").forEach(row -> {}));
        List<Long> got = new ArrayList<>();
        get(numbers(3).forEach(row -> got.add(row.getLong(0))));
        assertEquals(List.of(1L, 2L, 3L), got);
    }

    @Test
    void a_subscriber_that_throws_ends_its_query_and_is_reported() throws Exception {
        var reported = new CompletableFuture<Throwable>();
        var before = Thread.getDefaultUncaughtExceptionHandler();
        Thread.setDefaultUncaughtExceptionHandler((thread, error) -> reported.complete(error));
        try {
            var own = new IllegalStateException("of the user");
            db.stream(NUMBERS).subscribe(new Flow.Subscriber<>() {
                @Override
                public void onSubscribe(Flow.Subscription subscription) {
                    subscription.request(5);
                }

                @Override
                public void onNext(Row row) {
                    throw own;
                }

                @Override
                public void onError(Throwable error) {
                    reported.completeExceptionally(error);
                }

                @Override
                public void onComplete() {}
            });
            assertEquals(own.getMessage(), get(reported).getMessage());
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before);
        }
        assertTrue(get(db.timeout(Duration.ofSeconds(5)).query("SELECT 1")).size() == 1);
    }
}
