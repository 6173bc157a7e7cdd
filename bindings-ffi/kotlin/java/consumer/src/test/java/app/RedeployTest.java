package app;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.ref.WeakReference;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An application that a server loads, ends, and loads again. */
class RedeployTest {
    @Test
    void an_application_can_be_loaded_again_on_the_same_file_and_leaves_neither_threads_nor_classes(@TempDir Path folder)
        throws Exception {
        List<WeakReference<ClassLoader>> loaders = new ArrayList<>();
        for (int turn = 0; turn < 3; turn++) loaders.add(deploy(folder.resolve("app.db").toString()));
        assertEquals(List.of(), threadsLeft());
        assertEquals(0, loadersLeft(loaders), "class loaders that are kept");
    }

    /** Loads everything again, the way a server loads an application with its libraries, and runs it on this thread. */
    private static WeakReference<ClassLoader> deploy(String path) throws Exception {
        URL[] jars = Jars.all().stream().map(RedeployTest::url).toArray(URL[]::new);
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        try (var loader = new URLClassLoader(jars, ClassLoader.getPlatformClassLoader())) {
            thread.setContextClassLoader(loader);
            ((Runnable) loader.loadClass("app.Program").getConstructor(String.class).newInstance(path)).run();
            return new WeakReference<>(loader);
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    /** Counts the loaders left once the threads of kotlinx.coroutines, which idle for a minute, could end. */
    private static long loadersLeft(List<WeakReference<ClassLoader>> loaders) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
        while (true) {
            System.gc();
            long left = loaders.stream().filter(it -> it.get() != null).count();
            if (left == 0 || System.nanoTime() > end) return left;
            Thread.sleep(100);
        }
    }

    private static URL url(Path path) {
        try {
            return path.toUri().toURL();
        } catch (MalformedURLException error) {
            throw new IllegalArgumentException(error);
        }
    }

    /** Lists our threads that are left once the idle ones have had time to end. */
    private static List<String> threadsLeft() throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (true) {
            List<String> ours = Thread.getAllStackTraces().keySet().stream().map(Thread::getName)
                .filter(name -> name.startsWith("ubiqlite-")).collect(Collectors.toList());
            if (ours.isEmpty() || System.nanoTime() > end) return ours;
            Thread.sleep(100);
        }
    }
}
