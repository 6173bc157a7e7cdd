package app;

import java.io.File;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The class path and module path that this program was started with. */
final class Jars {
    private Jars() {}

    /** The jars and class folders on both paths. */
    static List<Path> all() {
        return Stream.of("jdk.module.path", "java.class.path")
            .map(System::getProperty).filter(Objects::nonNull)
            .flatMap(paths -> Arrays.stream(paths.split(File.pathSeparator)))
            .filter(path -> !path.isEmpty()).distinct().map(Path::of)
            .collect(Collectors.toList());
    }

    /** The jar of one of our artifacts. */
    static Path of(String artifact) {
        String name = artifact + "-0.1.0.jar";
        return all().stream().filter(path -> path.endsWith(name)).findAny()
            .orElseThrow(() -> new AssertionError(name + " is not among " + all()));
    }

    /** Another jar of the same artifact: its sources or documentation. */
    static Path beside(Path jar, String classifier) {
        return jar.resolveSibling(jar.getFileName().toString().replace(".jar", "-" + classifier + ".jar"));
    }
}
