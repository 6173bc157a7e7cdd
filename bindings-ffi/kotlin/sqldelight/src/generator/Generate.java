import app.cash.sqldelight.core.SqlDelightCompilationUnit;
import app.cash.sqldelight.core.SqlDelightDatabaseName;
import app.cash.sqldelight.core.SqlDelightDatabaseProperties;
import app.cash.sqldelight.core.SqlDelightEnvironment;
import app.cash.sqldelight.core.SqlDelightSourceFolder;
import app.cash.sqldelight.dialects.sqlite_3_38.SqliteDialect;
import java.io.File;
import java.util.List;

/**
 * Runs SQLDelight's generator as its Gradle plugin does with {@code generateAsync = true}, since this
 * build has no Gradle. Arguments: the folder of the .sq and .sqm files, the folder for the code, the
 * package and the name of the database.
 */
public class Generate {
    public static void main(String[] args) {
        Unit unit = new Unit(new Folder(new File(args[0])), new File(args[1]));
        Properties properties = new Properties(unit, args[2], args[3]);
        SqlDelightEnvironment environment = new SqlDelightEnvironment(
            properties, unit, false, new SqliteDialect(), "test", List.of(new File(args[0])), List.of());
        var status = environment.generateSqlDelightFiles(line -> kotlin.Unit.INSTANCE);
        if (status instanceof SqlDelightEnvironment.CompilationStatus.Failure) {
            ((SqlDelightEnvironment.CompilationStatus.Failure) status).getErrors().forEach(System.err::println);
            System.exit(1);
        }
        // The environment leaves threads behind.
        System.exit(0);
    }

    private static class Folder implements SqlDelightSourceFolder {
        private final File folder;

        Folder(File folder) {
            this.folder = folder;
        }

        @Override
        public File getFolder() {
            return folder;
        }

        @Override
        public boolean getDependency() {
            return false;
        }
    }

    private static class Unit implements SqlDelightCompilationUnit {
        private final Folder source;
        private final File output;

        Unit(Folder source, File output) {
            this.source = source;
            this.output = output;
        }

        @Override
        public String getName() {
            return "test";
        }

        @Override
        public List<SqlDelightSourceFolder> getSourceFolders() {
            return List.of(source);
        }

        @Override
        public File getOutputDirectoryFile() {
            return output;
        }
    }

    private static class Properties implements SqlDelightDatabaseProperties {
        private final Unit unit;
        private final String packageName;
        private final String className;

        Properties(Unit unit, String packageName, String className) {
            this.unit = unit;
            this.packageName = packageName;
            this.className = className;
        }

        @Override
        public String getPackageName() {
            return packageName;
        }

        @Override
        public List<SqlDelightCompilationUnit> getCompilationUnits() {
            return List.of(unit);
        }

        @Override
        public String getClassName() {
            return className;
        }

        @Override
        public List<SqlDelightDatabaseName> getDependencies() {
            return List.of();
        }

        @Override
        public boolean getDeriveSchemaFromMigrations() {
            return false;
        }

        @Override
        public boolean getTreatNullAsUnknownForEquality() {
            return false;
        }

        @Override
        public File getRootDirectory() {
            return unit.source.folder;
        }

        @Override
        public boolean getGenerateAsync() {
            return true;
        }
    }
}
