package io.github.ubiqlite.java;

import static io.github.ubiqlite.java.Support.file;
import static io.github.ubiqlite.java.Support.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.ubiqlite.UbiqliteException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EnumTest {
    @TempDir Path folder;

    private Path source(String name, String text) throws Exception {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    /**
     * Compiles an enum the way Kotlin does when its constants have other names in a database.
     * Java allows that annotation only on classes, so this compiles against a stub of it
     * without that limit.
     */
    private URL[] compiled() throws Exception {
        Path name = source(
            "stub/kotlinx/serialization/SerialName.java",
            "package kotlinx.serialization; import java.lang.annotation.*;"
                + "@Retention(RetentionPolicy.RUNTIME) public @interface SerialName { String value(); }");
        Path level = source(
            "main/app/Level.java",
            "package app; import kotlinx.serialization.SerialName;"
                + "public enum Level { @SerialName(\"low\") LOW, @SerialName(\"high\") HIGH, NONE }");
        var compiler = ToolProvider.getSystemJavaCompiler();
        String stub = folder.resolve("stub").toString();
        String main = folder.resolve("main").toString();
        assertEquals(0, compiler.run(null, null, null, "-proc:none", "-d", stub, name.toString()));
        assertEquals(0, compiler.run(null, null, null, "-proc:none", "-cp", stub, "-d", main, level.toString()));
        return new URL[] {folder.resolve("main").toUri().toURL()};
    }

    @Test
    void an_enum_is_read_by_the_names_that_it_is_written_with() throws Exception {
        UbiqliteDatabase db = get(UbiqliteDatabase.open(file(folder)));
        try (var loader = new URLClassLoader(compiled(), getClass().getClassLoader())) {
            Class<?> type = loader.loadClass("app.Level");
            Object[] levels = type.getEnumConstants();
            Row row = get(db.queryOne("SELECT ?, ?, ?, 'LOW'", levels));
            assertEquals("low", row.get(0));
            for (int index = 0; index < 3; index++) assertEquals(levels[index], row.get(index, type));
            assertEquals(levels[1], get(db.queryValue(type, "SELECT ?", levels[1])));
            assertThrows(UbiqliteException.DatatypeMismatch.class, () -> row.get(0, Thread.State.class));
        }
        get(db.close());
    }
}
