package app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.ubiqlite.Mode;
import io.github.ubiqlite.java.UbiqliteDatabase;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModuleTest {
    @Test
    void the_jars_are_modules_by_name_and_work_as_such(@TempDir Path folder) {
        assertEquals("io.github.ubiqlite.java", UbiqliteDatabase.class.getModule().getName());
        assertEquals("io.github.ubiqlite", Mode.class.getModule().getName());
        assertTrue(Program.class.getModule().isNamed());
        new Program(folder.resolve("app.db").toString()).run();
    }
}
