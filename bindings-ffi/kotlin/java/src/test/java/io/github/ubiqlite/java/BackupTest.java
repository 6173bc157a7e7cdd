package io.github.ubiqlite.java;

import static io.github.ubiqlite.java.Support.cause;
import static io.github.ubiqlite.java.Support.failure;
import static io.github.ubiqlite.java.Support.get;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import io.github.ubiqlite.BackupProgress;
import io.github.ubiqlite.Migrations;
import io.github.ubiqlite.UbiqliteException;
import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class BackupTest extends WithDatabase {
    private static final String COUNT = "SELECT count(*) FROM items";

    @BeforeEach
    void fill() throws Exception {
        get(db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, body BLOB)"));
        get(db.execute("INSERT INTO items SELECT i, randomblob(500) FROM (" + Support.NUMBERS + " LIMIT 2000)"));
    }

    private long count() throws Exception {
        return get(db.queryValue(Long.class, COUNT));
    }

    /** How many items a file has, or bytes of one. */
    private static long countIn(byte[] bytes) throws Exception {
        UbiqliteDatabase copy = get(UbiqliteDatabase.deserialize(bytes));
        long count = get(copy.queryValue(Long.class, COUNT));
        get(copy.close());
        return count;
    }

    @Test
    void a_copy_tells_its_progress_and_replaces_a_file_only_on_request() throws Exception {
        Path path = folder.resolve("copy.db");
        List<BackupProgress> news = new CopyOnWriteArrayList<>();
        assertNull(get(db.backup(path.toString())));
        failure(UbiqliteException.InvalidArgument.class, db.backup(path.toString()));
        get(db.execute("DELETE FROM items WHERE id > 100"));
        get(db.backup(path.toString(), true));
        long whole = Files.size(path);
        assertEquals(100, countIn(Files.readAllBytes(path)));
        get(db.backup(path.toString(), true, true));
        assertTrue(Files.size(path) < whole / 2);
        get(db.backup(path.toString(), true, false, news::add));
        BackupProgress last = news.get(news.size() - 1);
        assertEquals(whole / 4096, last.getTotal());
        assertEquals(last.getTotal(), last.getDone());

        var mine = new IllegalStateException("enough");
        assertSame(mine, cause(db.backup(folder.resolve("none.db").toString(), false, false, progress -> {
            throw mine;
        })));
    }

    @Test
    void a_copy_whose_future_is_cancelled_leaves_no_file() throws Exception {
        get(db.execute("INSERT INTO items SELECT i, randomblob(500) FROM (" + Support.NUMBERS + ") WHERE i > 2000 LIMIT 60000"));
        // It waits for a transaction, so that it can't be complete too early.
        var begun = new CompletableFuture<Transaction>();
        Path part = folder.resolve("copy.db.part");
        CompletableFuture<Void> copying = db.backup(folder.resolve("copy.db").toString(), false, false, progress -> {
            if (!begun.isDone()) begun.complete(db.begin().join());
        });
        Transaction tx = get(begun);
        assertTrue(Files.exists(part));
        copying.cancel(false);
        get(tx.rollback());
        for (int wait = 0; Files.exists(part); wait++) {
            assertTrue(wait < 6000, "the part is still there");
            Thread.sleep(10);
        }
        assertTrue(Files.notExists(folder.resolve("copy.db")));
    }

    @Test
    void streamed_bytes_are_uploaded_as_they_come_and_are_a_database() throws Exception {
        BlockingQueue<byte[]> arrived = new LinkedBlockingQueue<>();
        var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        HttpServer server = HttpServer.create(address, 0);
        server.createContext("/copy", exchange -> {
            arrived.add(exchange.getRequestBody().readAllBytes());
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
        });
        server.start();
        try {
            var to = new URI("http", null, address.getAddress().getHostAddress(), server.getAddress().getPort(), "/copy", null, null);
            var request = HttpRequest.newBuilder(to).PUT(HttpRequest.BodyPublishers.fromPublisher(db.backupStream())).build();
            var client = HttpClient.newBuilder().proxy(HttpClient.Builder.NO_PROXY).build();
            var answer = get(client.sendAsync(request, HttpResponse.BodyHandlers.discarding()));
            assertEquals(204, answer.statusCode());
        } finally {
            server.stop(0);
        }
        assertEquals(2000, countIn(arrived.poll(20, TimeUnit.SECONDS)));

        get(db.execute("DELETE FROM items WHERE id > 100"));
        var compact = new ByteArrayOutputStream();
        get(db.backupStream(true).forEach(buffer -> compact.writeBytes(buffer.array())));
        assertEquals(100, countIn(compact.toByteArray()));
        var mine = new IllegalStateException("enough");
        assertSame(mine, cause(db.backupStream().forEach(buffer -> {
            throw mine;
        })));
    }

    @Test
    void what_was_deleted_is_restored_from_a_file_or_bytes_and_garbage_is_refused() throws Exception {
        String path = folder.resolve("copy.db").toString();
        get(db.backup(path));
        byte[] bytes = get(db.serialize());
        assertArrayEquals("SQLite format 3\0".getBytes(StandardCharsets.US_ASCII), Arrays.copyOf(bytes, 16));
        get(db.execute("DROP TABLE items"));
        assertNull(get(db.restore(path)));
        assertEquals(2000, count());
        get(db.execute("DELETE FROM items"));
        assertNull(get(db.restore(bytes)));
        assertEquals(2000, count());
        failure(UbiqliteException.NotADatabase.class, db.restore(new byte[] {1, 2, 3}));
        failure(UbiqliteException.NotADatabase.class, UbiqliteDatabase.deserialize(new byte[0]));
        failure(UbiqliteException.CannotOpen.class, db.restore(path + "-missing"));
        assertEquals(2000, count());

        CompletableFuture<Long> items = db.serialize().thenCompose(UbiqliteDatabase::deserialize)
            .thenCompose(copy -> copy.table("items").count());
        assertEquals(2000L, get(items));
        UbiqliteOptions options = UbiqliteOptions.builder()
            .migrations(Migrations.of(Map.of("1.sql", "ALTER TABLE items ADD COLUMN name TEXT"))).build();
        UbiqliteDatabase copy = get(UbiqliteDatabase.deserialize(bytes, options));
        assertEquals(0L, get(copy.queryValue(Long.class, "SELECT count(name) FROM items")));
        get(copy.close());
    }
}
