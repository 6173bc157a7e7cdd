/** A program that uses the library as a module. */
module app {
    requires io.github.ubiqlite;
    requires io.github.ubiqlite.java;
    // Explicit modules, which an automatic module can't require.
    requires kotlinx.coroutines.core;
    requires kotlinx.serialization.json;

    exports app;
}
