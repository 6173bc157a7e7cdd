package io.github.ubiqlite.java;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.ubiqlite.UbiqliteException;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Helpers that the tests share. */
final class Support {
    /** A query that runs forever unless it is stopped. */
    static final String ENDLESS =
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r";

    /** An endless query of the numbers from 1 on. */
    static final String NUMBERS =
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i FROM r";

    private Support() {}

    static String file(Path folder) {
        return folder.resolve("app.db").toString();
    }

    /** Returns a future's result. A future that never completes fails the test. */
    static <T> T get(CompletableFuture<T> future) throws ExecutionException, InterruptedException, TimeoutException {
        return future.get(20, TimeUnit.SECONDS);
    }

    /** Returns the exception that a future fails with. */
    static Throwable cause(CompletableFuture<?> future) {
        return assertThrows(ExecutionException.class, () -> get(future)).getCause();
    }

    /** Returns the library's exception that a future fails with. */
    static <E extends UbiqliteException> E failure(Class<E> type, CompletableFuture<?> future) {
        return assertInstanceOf(type, cause(future));
    }
}
