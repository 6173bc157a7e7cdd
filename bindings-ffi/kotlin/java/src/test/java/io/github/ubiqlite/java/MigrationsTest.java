package io.github.ubiqlite.java;

import static io.github.ubiqlite.java.Support.failure;
import static io.github.ubiqlite.java.Support.file;
import static io.github.ubiqlite.java.Support.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.ubiqlite.AppliedMigration;
import io.github.ubiqlite.Drift;
import io.github.ubiqlite.MigrationStep;
import io.github.ubiqlite.Migrations;
import io.github.ubiqlite.UbiqliteException;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MigrationsTest {
    private static final Map<String, String> FILES = Map.of(
        "0001_items.sql", "CREATE TABLE items (id INTEGER PRIMARY KEY)",
        "0002_names.sql", "ALTER TABLE items ADD COLUMN name TEXT",
        "0002_names.down.sql", "ALTER TABLE items DROP COLUMN name");

    @TempDir
    Path folder;

    private static UbiqliteOptions with(Migrations migrations) {
        return UbiqliteOptions.builder().migrations(migrations).build();
    }

    private Path written(Path place) throws IOException {
        Files.createDirectories(place);
        for (var file : FILES.entrySet()) Files.writeString(place.resolve(file.getKey()), file.getValue());
        return place;
    }

    @Test
    void an_opened_database_has_its_migrations_from_texts_a_folder_or_resources() throws Exception {
        Path place = written(folder.resolve("classes/migrations"));
        try (var loader = new URLClassLoader(new URL[] {folder.resolve("classes").toUri().toURL()})) {
            Thread.currentThread().setContextClassLoader(loader);
            for (Migrations migrations : List.of(
                Migrations.of(FILES), Migrations.folder(place), Migrations.resources("migrations"),
                Migrations.resources("migrations", loader))) {
                UbiqliteDatabase db = get(UbiqliteDatabase.open(":memory:", with(migrations)));
                assertEquals(0L, get(db.queryValue(Long.class, "SELECT count(name) FROM items")));
                get(db.close());
            }
        } finally {
            Thread.currentThread().setContextClassLoader(MigrationsTest.class.getClassLoader());
        }
    }

    @Test
    void what_is_to_be_done_is_told_and_done_and_undone() throws Exception {
        UbiqliteDatabase db = get(UbiqliteDatabase.open(":memory:"));
        Migrator migrator = db.migrations(Migrations.of(FILES));
        MigrationStep planned = get(migrator.pending()).get(1);
        assertEquals(2, planned.getNumber());
        assertEquals("0002_names", planned.getName());
        assertSame(MigrationStep.Action.APPLY, planned.getAction());
        assertFalse(planned.getAlone());
        assertNull(planned.getTook());
        assertEquals(2, get(migrator.dryRun()).size());
        assertEquals(List.of(), get(migrator.applied()));
        assertEquals(List.of(), get(migrator.rehearse()));
        Duration took = get(migrator.run()).get(1).getTook();
        assertFalse(took.isNegative());
        AppliedMigration applied = get(migrator.applied()).get(1);
        // The ledger has microseconds.
        assertEquals(took, applied.getTook());
        assertTrue(Duration.between(applied.getAppliedAt(), Instant.now()).abs().toMinutes() < 10);
        assertTrue(applied.getReversible() && applied.getKnown() && !applied.getBreaksOlder());
        get(db.execute("ALTER TABLE items ADD COLUMN by_hand"));
        Drift drift = get(migrator.verify()).get(0);
        assertEquals("table items", drift.getSchemaObject());
        assertSame(Drift.Kind.CHANGED, drift.getKind());
        assertEquals(1, drift.getDetails().size());
        assertSame(MigrationStep.Action.REVERT, get(migrator.to(1)).get(0).getAction());
        failure(UbiqliteException.InvalidArgument.class, migrator.to(0));
        get(db.close());
    }

    @Test
    void an_older_or_an_impatient_program_is_refused() throws Exception {
        Migrations older = Migrations.of(Map.of("0001_items.sql", FILES.get("0001_items.sql")));
        String path = file(folder);
        get(get(UbiqliteDatabase.open(path, with(Migrations.of(FILES)))).close());
        failure(UbiqliteException.SchemaTooNew.class, UbiqliteDatabase.open(path, with(older)));
        UbiqliteDatabase db = get(UbiqliteDatabase.open(path, with(older.allowNewer())));
        Migrations edited = Migrations.of(Map.of(
            "0001_items.sql", FILES.get("0001_items.sql"), "0002_names.sql", "ALTER TABLE items ADD COLUMN name -- any",
            "3.sql", "DROP TABLE items"));
        failure(UbiqliteException.InvalidArgument.class, db.migrations(edited).run());
        Transaction tx = get(db.begin());
        Migrations impatient = edited.acceptEdited().lockTimeout(Duration.ofMillis(5));
        UbiqliteOptions options = UbiqliteOptions.builder().busyTimeout(Duration.ofMillis(5)).migrations(impatient).build();
        failure(UbiqliteException.Busy.class, UbiqliteDatabase.open(path, options));
        get(tx.rollback());
        get(get(UbiqliteDatabase.open(path, options)).close());
        assertThrows(UbiqliteException.InvalidArgument.class, () -> impatient.lockTimeout(Duration.ofMillis(-1)));
        get(db.close());
    }
}
