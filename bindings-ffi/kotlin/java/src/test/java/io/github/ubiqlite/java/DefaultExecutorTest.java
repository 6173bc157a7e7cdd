package io.github.ubiqlite.java;

import static io.github.ubiqlite.java.Support.file;
import static io.github.ubiqlite.java.Support.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DefaultExecutorTest {
    @TempDir Path folder;

    /** A program that configures no executor. */
    public static void main(String[] args) throws Exception {
        var options = UbiqliteOptions.builder().inline(false).build();
        UbiqliteDatabase db = get(UbiqliteDatabase.open(file(Path.of(args[0])), options));
        get(db.batch("CREATE TABLE t (x)"));
        get(db.transaction(tx -> tx.execute("INSERT INTO t VALUES (1)")));
        System.out.println("rows: " + get(db.queryValue(Long.class, "SELECT count(*) FROM t")));
        get(db.close());
    }

    @Test
    void futures_are_completed_where_the_common_pool_has_no_threads() throws Exception {
        for (int threads = 0; threads <= 2; threads++) {
            Path output = folder.resolve("output" + threads);
            Path data = Files.createDirectory(folder.resolve("data" + threads));
            Process process = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Djava.util.concurrent.ForkJoinPool.common.parallelism=" + threads,
                "-Djava.io.tmpdir=" + System.getProperty("java.io.tmpdir"),
                "-cp", System.getProperty("java.class.path"), DefaultExecutorTest.class.getName(), data.toString())
                .redirectErrorStream(true).redirectOutput(output.toFile()).start();
            try {
                assertTrue(process.waitFor(60, TimeUnit.SECONDS), "with " + threads);
            } finally {
                process.destroyForcibly();
            }
            assertEquals("rows: 1", Files.readString(output).strip(), "with " + threads);
        }
    }
}
