package io.github.ubiqlite.java;

import static io.github.ubiqlite.java.Support.file;
import static io.github.ubiqlite.java.Support.get;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** Has a database open during each test, in a folder of its own. */
abstract class WithDatabase {
    @TempDir
    Path folder;

    UbiqliteDatabase db;

    /** How it is opened. */
    UbiqliteOptions options() {
        return UbiqliteOptions.builder().build();
    }

    @BeforeEach
    final void openDatabase() throws Exception {
        db = get(UbiqliteDatabase.open(file(folder), options()));
    }

    @AfterEach
    final void closeDatabase() throws Exception {
        get(db.close());
    }
}
