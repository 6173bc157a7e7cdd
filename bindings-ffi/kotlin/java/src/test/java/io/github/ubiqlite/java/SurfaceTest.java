package io.github.ubiqlite.java;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The API that a Java program sees. */
class SurfaceTest {
    private static final List<Class<?>> FACADE = List.of(
        UbiqliteDatabase.class, UbiqliteOptions.class, UbiqliteOptions.Builder.class, Parameters.class, Reader.class,
        Statements.class, Nest.class, Transaction.class, Savepoint.class, Session.class, Snapshot.class, Table.class,
        Select.class, Row.class, RowStream.class, UpdateStream.class, UpdateListStream.class, CommitStream.class,
        Outbox.class, Migrator.class, ByteStream.class, BackupStream.class, Replica.class, ReplicaOptions.class,
        ReplicaOptions.Builder.class, ReplicaStorage.class);

    private static Stream<Method> methods() {
        return FACADE.stream().flatMap(type -> Arrays.stream(type.getDeclaredMethods()))
            .filter(method -> Modifier.isPublic(method.getModifiers()) && !method.isSynthetic());
    }

    @Test
    void nothing_of_coroutines_or_kotlin_shows() {
        List<String> shown = new ArrayList<>();
        methods().forEach(method -> {
            List<Type> types = new ArrayList<>(List.of(method.getGenericParameterTypes()));
            types.add(method.getGenericReturnType());
            for (Type type : types) if (type.getTypeName().contains("kotlin")) shown.add(method.toString());
            // The library's internal methods have names that no Java program writes.
            if (method.getName().contains("$")) shown.add(method.toString());
        });
        // The compiler generates getters for the library's internal properties; their names contain a dollar sign.
        shown.removeIf(method -> method.contains("$ubiqlite"));
        assertEquals(List.of(), shown);
    }

    @Test
    void every_method_is_used_by_a_test() throws Exception {
        String tests;
        try (Stream<Path> files = Files.list(Path.of("src/test/java/io/github/ubiqlite/java"))) {
            tests = files.map(SurfaceTest::text).collect(Collectors.joining());
        }
        var unused = new TreeSet<String>();
        methods().map(Method::getName).filter(name -> !name.contains("$") && !tests.contains("." + name + "("))
            .forEach(unused::add);
        // Called by the language itself.
        unused.removeAll(List.of("equals"));
        assertEquals(List.of(), List.copyOf(unused));
        assertTrue(methods().count() > 80);
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (java.io.IOException error) {
            throw new java.io.UncheckedIOException(error);
        }
    }
}
