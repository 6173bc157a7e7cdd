package app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReadmeTest {
    @Test
    void the_example_of_the_readme_is_the_one_that_is_compiled_and_does_what_it_says(@TempDir Path folder) throws Exception {
        String example = Files.readString(Path.of("src/main/java/app/Example.java")).replace("package app;\n\n", "");
        assertTrue(Files.readString(Path.of("../README.md")).contains("```java\n" + example + "```"));

        var out = new ByteArrayOutputStream();
        PrintStream before = System.out;
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        try {
            Example.main(new String[] {folder.resolve("app.db").toString()});
        } finally {
            System.setOut(before);
        }
        List<String> lines = out.toString(StandardCharsets.UTF_8).lines().collect(Collectors.toList());
        assertEquals(List.of("ann has 70", "refused, and undone", "ann: 70", "bob: 30"), lines);
    }
}
