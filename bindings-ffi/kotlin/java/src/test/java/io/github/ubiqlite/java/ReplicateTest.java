package io.github.ubiqlite.java;

import static io.github.ubiqlite.java.Support.failure;
import static io.github.ubiqlite.java.Support.file;
import static io.github.ubiqlite.java.Support.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.ubiqlite.ReplicaMoment;
import io.github.ubiqlite.SnapshotReason;
import io.github.ubiqlite.UbiqliteException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReplicateTest {
    @TempDir
    Path folder;

    private long count(String path) throws Exception {
        UbiqliteDatabase db = get(UbiqliteDatabase.open(path));
        try {
            return get(db.queryValue(Long.class, "SELECT count(*) FROM items"));
        } finally {
            get(db.close());
        }
    }

    @Test
    void each_moment_of_a_replica_is_restored() throws Exception {
        String to = folder.resolve("replica").toString();
        UbiqliteDatabase db = get(UbiqliteDatabase.open(file(folder)));
        get(db.batch("CREATE TABLE items (name TEXT)"));
        ReplicaOptions options = ReplicaOptions.builder().interval(Duration.ZERO).memory(1_000_000).keep(Duration.ofDays(30))
            .snapshotEvery(Duration.ZERO).closeTimeout(Duration.ofSeconds(5)).build();
        Replica replica = get(db.replicate(to, options));
        var before = get(replica.flush());
        assertEquals(SnapshotReason.FIRST, before.getReason());
        Thread.sleep(5);
        get(db.execute("INSERT INTO items VALUES ('lamp')"));
        var after = get(replica.flush());
        assertEquals(before.getTransaction() + 1, after.getTransaction());
        assertEquals(0, get(replica.state()).getLag());
        String[] files = {file(folder) + "1", file(folder) + "2", file(folder) + "3"};
        assertEquals(before.getTransaction(),
            get(UbiqliteDatabase.restoreReplica(to, files[0], ReplicaMoment.transaction(before.getTransaction()))));
        assertEquals(before.getTransaction(), get(UbiqliteDatabase.restoreReplica(to, files[1], ReplicaMoment.time(before.getTime()))));
        assertEquals(after.getTransaction(), get(UbiqliteDatabase.restoreReplica(to, files[2])));
        assertEquals(0, count(files[0]));
        assertEquals(0, count(files[1]));
        assertEquals(1, count(files[2]));
        failure(UbiqliteException.InvalidArgument.class, UbiqliteDatabase.restoreReplica(to, files[2]));
        failure(UbiqliteException.Busy.class, db.replicate(to));
        assertTrue(get(replica.stop()).getEnded());
        failure(UbiqliteException.Closed.class, replica.flush());
        get(db.close());
    }
}
