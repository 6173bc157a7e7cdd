package io.github.ubiqlite.java;

import static io.github.ubiqlite.java.Support.failure;
import static io.github.ubiqlite.java.Support.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.ubiqlite.UbiqliteException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Replicas in a storage of a Java program's own. */
class ReplicaStorageTest extends WithDatabase {
    /** The most bytes of a file that are sent at once. */
    private static final int PIECE = 256 * 1024;

    @BeforeEach
    void fill() throws Exception {
        get(db.batch("CREATE TABLE items (data BLOB); INSERT INTO items VALUES (randomblob(1000000))"));
    }

    /** Keeps files in memory. */
    static class Bucket implements ReplicaStorage {
        final Map<String, byte[]> files = new ConcurrentHashMap<>();
        final AtomicInteger largest = new AtomicInteger();
        volatile String refuses;

        @Override
        public CompletionStage<?> put(String name, ByteStream content) {
            if (refuses != null) return CompletableFuture.failedFuture(new IOException(refuses));
            var all = new ByteArrayOutputStream();
            return content.forEach(buffer -> {
                largest.accumulateAndGet(buffer.remaining(), Math::max);
                all.write(buffer.array(), buffer.position(), buffer.remaining());
            }).thenRun(() -> files.put(name, all.toByteArray()));
        }

        @Override
        public CompletionStage<Collection<String>> list() {
            return CompletableFuture.completedFuture(files.keySet());
        }

        @Override
        public CompletionStage<Flow.Publisher<ByteBuffer>> get(String name) {
            byte[] bytes = files.get(name);
            return CompletableFuture.completedFuture(bytes == null ? null : whole(bytes));
        }

        @Override
        public CompletionStage<?> remove(String name) {
            files.remove(name);
            return CompletableFuture.completedFuture(null);
        }
    }

    /** All bytes, as one buffer. */
    private static Flow.Publisher<ByteBuffer> whole(byte[] bytes) {
        return subscriber -> subscriber.onSubscribe(new Flow.Subscription() {
            private boolean done;

            @Override
            public void request(long count) {
                if (done) return;
                done = true;
                subscriber.onNext(ByteBuffer.wrap(bytes));
                subscriber.onComplete();
            }

            @Override
            public void cancel() {
                done = true;
            }
        });
    }

    private static ReplicaOptions within(Duration close) {
        return ReplicaOptions.builder().closeTimeout(close).build();
    }

    private long restored(ReplicaStorage from, String name) throws Exception {
        String to = folder.resolve(name).toString();
        get(UbiqliteDatabase.restoreReplica(from, to));
        UbiqliteDatabase copy = get(UbiqliteDatabase.open(to));
        try {
            return get(copy.queryValue(Long.class, "SELECT sum(length(data)) FROM items"));
        } finally {
            get(copy.close());
        }
    }

    @Test
    void what_a_program_keeps_is_restored_and_goes_either_way_in_small_pieces() throws Exception {
        var bucket = new Bucket();
        Replica replica = get(db.replicate(bucket));
        failure(UbiqliteException.Busy.class, db.replicate(bucket));
        get(db.execute("INSERT INTO items VALUES (randomblob(7))"));
        assertNull(get(replica.flush()).getError());
        get(replica.stop());
        assertTrue(bucket.largest.get() > 1000 && bucket.largest.get() <= PIECE, () -> bucket.largest + " bytes");
        // What comes as one buffer is divided: the engine takes no larger pieces.
        assertEquals(1_000_007, restored(bucket, "one.db"));
        var divided = new Bucket() {
            @Override
            public CompletionStage<Flow.Publisher<ByteBuffer>> get(String name) {
                byte[] bytes = bucket.files.get(name);
                return CompletableFuture.completedFuture(bytes == null ? null : BodyPublishers.ofByteArray(bytes));
            }
        };
        divided.files.putAll(bucket.files);
        assertEquals(1_000_007, restored(divided, "other.db"));
        assertTrue(bucket.files.keySet().stream().allMatch(name -> name.startsWith("ltx/")), bucket.files::toString);
    }

    @Test
    void what_a_stage_fails_with_is_told_and_tried_again() throws Exception {
        var bucket = new Bucket();
        bucket.refuses = "the bucket is full";
        Replica replica = get(db.replicate(bucket));
        while (get(replica.state()).getError() == null) Thread.sleep(10);
        assertTrue(get(replica.state()).getError().contains("the bucket is full"));
        bucket.refuses = null;
        assertNull(get(replica.flush()).getError());
        failure(UbiqliteException.NotFound.class, UbiqliteDatabase.restoreReplica(new Bucket(), folder.resolve("new.db").toString()));
        var failing = new Bucket() {
            @Override
            public CompletionStage<Collection<String>> list() {
                throw new IllegalStateException("the bucket is gone");
            }
        };
        var error = failure(UbiqliteException.Io.class, db.replicate(failing));
        assertTrue(error.getMessage().contains("the bucket is gone"), error.getMessage());
        var broken = new Bucket() {
            @Override
            public CompletionStage<Flow.Publisher<ByteBuffer>> get(String name) {
                Flow.Publisher<ByteBuffer> lost = subscriber -> subscriber.onSubscribe(new Flow.Subscription() {
                    @Override
                    public void request(long count) {
                        subscriber.onError(new IOException("the line is cut"));
                    }

                    @Override
                    public void cancel() {}
                });
                return CompletableFuture.completedFuture(lost);
            }

            @Override
            public CompletionStage<Collection<String>> list() {
                return CompletableFuture.completedFuture(List.copyOf(bucket.files.keySet()));
            }
        };
        error = failure(UbiqliteException.Io.class, UbiqliteDatabase.restoreReplica(broken, folder.resolve("new.db").toString()));
        assertTrue(error.getMessage().contains("the line is cut"), error.getMessage());
    }

    @Test
    void a_storage_that_never_replies_ends_with_its_replica() throws Exception {
        var never = new CompletableFuture<Void>();
        var silent = new Bucket() {
            @Override
            public CompletionStage<?> put(String name, ByteStream content) {
                return name.startsWith("ltx/") ? never : super.put(name, content);
            }
        };
        Replica replica = get(db.replicate(silent, within(Duration.ofMillis(100))));
        var error = failure(UbiqliteException.Io.class, replica.stop());
        assertTrue(error.getMessage().contains("has not returned"), error.getMessage());
        assertTrue(get(replica.state()).getEnded());
        while (!never.isCancelled()) Thread.sleep(10);
    }
}
