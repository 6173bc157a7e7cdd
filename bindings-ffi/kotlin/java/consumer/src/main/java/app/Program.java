package app;

import io.github.ubiqlite.Migrations;
import io.github.ubiqlite.UbiqliteException;
import io.github.ubiqlite.java.Row;
import io.github.ubiqlite.java.UbiqliteDatabase;
import io.github.ubiqlite.java.UbiqliteOptions;
import java.util.List;
import java.util.Map;

/** Does everything that a deployed application would do with a database, and closes it. */
public final class Program implements Runnable {
    private final String path;

    /** A program on the database at this path. */
    public Program(String path) {
        this.path = path;
    }

    @Override
    public void run() {
        // By the loader of this class: that of a thread may be another.
        Migrations migrations = Migrations.resources("migrations", Program.class.getClassLoader());
        UbiqliteOptions options = UbiqliteOptions.builder().migrations(migrations).build();
        UbiqliteDatabase db = UbiqliteDatabase.open(path, options).join();
        try {
            db.table("items").insert(Map.of("name", "lamp")).join();
            db.transaction(tx -> tx.execute("UPDATE items SET name = ?", "chair")).join();
            List<Row> rows = db.query("SELECT * FROM items").join();
            if (!"chair".equals(rows.get(0).getString("name"))) throw new IllegalStateException(rows.toString());
            db.stream("SELECT * FROM items").forEach(row -> row.getLong("id")).join();
            Throwable refused = db.query("SELEC 1").handle((done, error) -> error).join();
            if (!(refused instanceof UbiqliteException)) throw new IllegalStateException("not refused", refused);
        } finally {
            db.close().join();
        }
    }
}
