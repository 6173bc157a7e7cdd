package io.github.ubiqlite.java;

import static io.github.ubiqlite.java.Support.get;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Comparator;
import java.util.concurrent.Flow;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.reactivestreams.tck.TestEnvironment;
import org.reactivestreams.tck.flow.FlowPublisherVerification;
import org.testng.SkipException;

/** Runs the Reactive Streams test suite for publishers. */
class FlowTckTest {
    private static UbiqliteDatabase db;

    @BeforeAll
    static void open() throws Exception {
        db = get(UbiqliteDatabase.open(":memory:"));
    }

    @AfterAll
    static void close() throws Exception {
        get(db.close());
    }

    /** The publisher under test; public because the suite requires it. */
    public static final class Rows extends FlowPublisherVerification<Row> {
        public Rows() {
            super(new TestEnvironment(300, 100));
        }

        @Override
        public Flow.Publisher<Row> createFlowPublisher(long elements) {
            return db.stream(Support.NUMBERS + " LIMIT ?", elements);
        }

        /** No publisher refuses its subscribers: a query fails when it runs, which is when rows are requested. */
        @Override
        public Flow.Publisher<Row> createFailedFlowPublisher() {
            return null;
        }
    }

    @TestFactory
    Stream<DynamicTest> rules() {
        return Arrays.stream(Rows.class.getMethods())
            .filter(method -> method.isAnnotationPresent(org.testng.annotations.Test.class))
            .sorted(Comparator.comparing(Method::getName))
            .map(method -> DynamicTest.dynamicTest(method.getName(), () -> run(method)));
    }

    private static void run(Method rule) throws Throwable {
        var rows = new Rows();
        rows.setUp();
        try {
            rule.invoke(rows);
        } catch (InvocationTargetException error) {
            // Rules that can't be checked, or that don't apply to this publisher.
            Assumptions.assumeFalse(error.getCause() instanceof SkipException, () -> error.getCause().getMessage());
            throw error.getCause();
        }
    }
}
