package app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.junit.jupiter.api.Test;

/** The contents of the jars that `mvn -Ppackage install` built. */
class PackageTest {
    private static final Map<String, String> MODULES = Map.of(
        "ubiqlite", "io.github.ubiqlite",
        "ubiqlite-java", "io.github.ubiqlite.java");

    private static List<String> names(JarFile jar) {
        return jar.stream().filter(entry -> !entry.isDirectory()).map(entry -> entry.getName())
            .collect(Collectors.toList());
    }

    private static JarFile open(Path path) throws IOException {
        assertTrue(Files.isRegularFile(path), () -> "there is no " + path + ": make it with `mvn -Ppackage install`");
        return new JarFile(path.toFile());
    }

    private static boolean isNative(String name) {
        return name.endsWith(".so") || name.endsWith(".dylib") || name.endsWith(".dll");
    }

    @ParameterizedTest
    @ValueSource(strings = {"ubiqlite", "ubiqlite-java"})
    void a_jar_has_its_licences_its_module_name_and_classes_that_kotlin_2_1_reads(String artifact) throws IOException {
        try (JarFile jar = open(Jars.of(artifact))) {
            assertTrue(text(jar, "META-INF/LICENSE-MIT").contains("MIT"));
            assertTrue(text(jar, "META-INF/LICENSE-APACHE").contains("Apache License"));
            assertEquals(MODULES.get(artifact), jar.getManifest().getMainAttributes().getValue("Automatic-Module-Name"));
            try (var in = new DataInputStream(jar.getInputStream(jar.getEntry("META-INF/" + artifact + ".kotlin_module")))) {
                // The version's length, then the version: a compiler reads what the next version writes, nothing later.
                assertTrue(in.readInt() >= 2);
                int major = in.readInt();
                int minor = in.readInt();
                assertTrue(major == 2 && minor <= 2, "metadata of Kotlin " + major + "." + minor);
            }
        }
    }

    private static String text(JarFile jar, String name) throws IOException {
        var entry = jar.getEntry(name);
        assertTrue(entry != null, name + " is not in " + jar.getName());
        try (var in = jar.getInputStream(entry)) {
            return new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ubiqlite", "ubiqlite-java"})
    void sources_and_documentation_are_beside_it(String artifact) throws IOException {
        try (JarFile sources = open(Jars.beside(Jars.of(artifact), "sources"))) {
            List<String> names = names(sources);
            assertTrue(names.stream().anyMatch(name -> name.endsWith(".kt")), names.toString());
            assertEquals(List.of(), names.stream().filter(PackageTest::isNative).collect(Collectors.toList()));
        }
        try (JarFile documentation = open(Jars.beside(Jars.of(artifact), "javadoc"))) {
            List<String> names = names(documentation);
            assertTrue(names.contains("index.html"), names.toString());
            assertTrue(names.stream().filter(name -> name.startsWith("io/github/ubiqlite/")).count() > 5, names.toString());
        }
    }

    @Test
    void the_native_libraries_are_in_the_folder_of_their_system_and_nowhere_else() throws IOException {
        try (JarFile jar = open(Jars.of("ubiqlite"))) {
            List<String> all = names(jar).stream().filter(PackageTest::isNative).collect(Collectors.toList());
            for (String library : List.of("ubiqlite_ffi", "ubiqlite_jni")) {
                String file = "/" + System.mapLibraryName(library);
                assertTrue(all.stream().anyMatch(name -> name.endsWith(file)), all.toString());
            }
            for (String name : all) {
                assertTrue(name.matches("[a-z0-9]+-[a-z0-9-]+/(lib)?ubiqlite_(ffi|jni)\\.(so|dylib|dll)"), name);
            }
        }
        try (JarFile jar = open(Jars.of("ubiqlite-java"))) {
            assertEquals(List.of(), names(jar).stream().filter(PackageTest::isNative).collect(Collectors.toList()));
        }
    }
}
