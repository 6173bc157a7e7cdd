package io.github.ubiqlite.java;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.ubiqlite.UbiqliteException;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** What the tests share. */
final class Support {
    /** Runs for ever, unless it is stopped. */
    static final String ENDLESS =
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r";

    /** Numbers from 1 on, without end. */
    static final String NUMBERS =
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i FROM r";

    private Support() {}

    static String file(Path folder) {
        return folder.resolve("app.db").toString();
    }

    /** What a future gives. One that is never done fails the test. */
    static <T> T get(CompletableFuture<T> future) throws ExecutionException, InterruptedException, TimeoutException {
        return future.get(20, TimeUnit.SECONDS);
    }

    /** What a future fails with. */
    static Throwable cause(CompletableFuture<?> future) {
        return assertThrows(ExecutionException.class, () -> get(future)).getCause();
    }

    /** The library's exception that a future fails with. */
    static <E extends UbiqliteException> E failure(Class<E> type, CompletableFuture<?> future) {
        return assertInstanceOf(type, cause(future));
    }
}
