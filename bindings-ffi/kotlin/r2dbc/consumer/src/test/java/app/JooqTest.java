package app;

import static org.jooq.impl.DSL.count;
import static org.jooq.impl.DSL.field;
import static org.jooq.impl.DSL.inline;
import static org.jooq.impl.DSL.name;
import static org.jooq.impl.DSL.select;
import static org.jooq.impl.DSL.sum;
import static org.jooq.impl.DSL.table;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.R2dbcDataIntegrityViolationException;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.List;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.Record;
import org.jooq.SQLDialect;
import org.jooq.Table;
import org.jooq.exception.DataAccessException;
import org.jooq.exception.IntegrityConstraintViolationException;
import org.jooq.impl.DSL;
import org.jooq.impl.SQLDataType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** What jOOQ documents for R2DBC, with its open source edition. */
class JooqTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private static final Table<Record> ITEM = table(name("item"));
    private static final Field<Long> ID = field(name("item", "id"), SQLDataType.BIGINT.identity(true));
    private static final Field<String> NAME = field(name("item", "name"), SQLDataType.VARCHAR);
    private static final Field<BigDecimal> PRICE = field(name("item", "price"), SQLDataType.NUMERIC);
    private static final Field<Boolean> SOLD = field(name("item", "sold"), SQLDataType.BOOLEAN);
    private static final Field<LocalDate> MADE = field(name("item", "made"), SQLDataType.LOCALDATE);
    private static final Field<LocalDateTime> SEEN = field(name("item", "seen"), SQLDataType.LOCALDATETIME);
    private static final Field<byte[]> PICTURE = field(name("item", "picture"), SQLDataType.BLOB);

    static {
        System.setProperty("org.jooq.no-logo", "true");
        System.setProperty("org.jooq.no-tips", "true");
    }

    private ConnectionFactory factory;
    private DSLContext db;

    @BeforeEach
    void open() {
        factory = ConnectionFactories.get("r2dbc:ubiqlite:mem:///");
        // #region open
        db = DSL.using(factory, SQLDialect.SQLITE);
        // #endregion open
        get(db.createTable(ITEM)
            .column("id", SQLDataType.BIGINT.identity(true))
            .column("name", SQLDataType.VARCHAR.nullable(false))
            .column("price", SQLDataType.NUMERIC).column("sold", SQLDataType.BOOLEAN)
            .column("made", SQLDataType.LOCALDATE).column("seen", SQLDataType.LOCALDATETIME).column("picture", SQLDataType.BLOB)
            .unique("name"));
    }

    @AfterEach
    void close() {
        get(((io.r2dbc.spi.Closeable) factory).close());
    }

    private static <T> T get(Publisher<T> publisher) {
        return Mono.from(publisher).block(PATIENCE);
    }

    private static <T> List<T> all(Publisher<T> publisher) {
        return Flux.from(publisher).collectList().block(PATIENCE);
    }

    private List<String> names() {
        return all(Flux.from(db.select(NAME).from(ITEM).orderBy(ID)).map(row -> row.get(NAME)));
    }

    @Test
    void rowsAreWrittenReadChangedAndDeleted() {
        assertEquals(2, get(db.insertInto(ITEM, NAME, PRICE).values("lamp", new BigDecimal("1.5")).values("desk", null)));
        var rows = all(db.select(ID, NAME, PRICE).from(ITEM).where(NAME.in("lamp", "desk")).orderBy(NAME.desc()).limit(5).offset(0));
        assertEquals("lamp", rows.get(0).value2());
        assertEquals(0, new BigDecimal("1.5").compareTo(rows.get(0).value3()));
        assertEquals(null, rows.get(1).value3());
        assertEquals(1, get(db.update(ITEM).set(PRICE, PRICE.plus(inline(1))).where(NAME.eq("lamp"))));
        assertEquals(0, new BigDecimal("2.5").compareTo(get(db.select(sum(PRICE)).from(ITEM)).value1()));
        assertEquals(1, get(db.deleteFrom(ITEM).where(ID.eq(select(DSL.max(ID)).from(ITEM)))));
        assertEquals(List.of("lamp"), names());
    }

    @Test
    void valuesOfManyTypesAreReadBack() {
        var made = LocalDate.of(2026, 12, 1);
        var seen = LocalDateTime.of(2026, 12, 1, 2, 3, 4);
        byte[] picture = {0, 1, -1};
        get(db.insertInto(ITEM).set(NAME, "lamp").set(SOLD, true).set(MADE, made).set(SEEN, seen).set(PICTURE, picture));
        var row = get(db.select(SOLD, MADE, SEEN, PICTURE).from(ITEM));
        assertEquals(true, row.value1());
        assertEquals(made, row.value2());
        assertEquals(seen, row.value3());
        assertArrayEquals(picture, row.value4());
    }

    @Test
    void rowsThatWereWrittenAreReturned() {
        // #region query
        var row = get(db.insertInto(ITEM, NAME).values("lamp").returningResult(ID, NAME)); // get: Mono.from(…).block()
        // #endregion query
        assertEquals(1, row.value1());
        assertEquals("lamp", row.value2());
        var all = all(db.insertInto(ITEM, NAME).values("desk").values("door").returningResult(ID));
        assertEquals(List.of(2L, 3L), all.stream().map(each -> each.value1()).toList());
        assertEquals("light", get(db.update(ITEM).set(NAME, "light").where(ID.eq(1L)).returningResult(NAME)).value1());
        assertEquals(3L, get(db.deleteFrom(ITEM).where(NAME.eq("door")).returningResult(ID)).value1());
        assertEquals("desk", get(db.insertInto(ITEM, ID, NAME).values(2L, "desk").onConflict(ID).doUpdate()
            .set(NAME, DSL.excluded(NAME)).returningResult(NAME)).value1());
    }

    @Test
    void aTransactionIsKeptOrUndone() {
        all(db.transactionPublisher(inside -> Flux
            .from(inside.dsl().insertInto(ITEM, NAME).values("lamp"))
            .thenMany(inside.dsl().insertInto(ITEM, NAME).values("desk"))));
        var error = assertThrows(DataAccessException.class, () -> all(db.transactionPublisher(inside -> Flux
            .from(inside.dsl().insertInto(ITEM, NAME).values("door"))
            .thenMany(inside.dsl().insertInto(ITEM, NAME).values("lamp")))));
        assertInstanceOf(IntegrityConstraintViolationException.class, error);
        assertInstanceOf(R2dbcDataIntegrityViolationException.class, error.getCause());
        assertEquals(List.of("lamp", "desk"), names());
    }

    @Test
    void aNestedTransactionIsUndoneAlone() {
        all(db.transactionPublisher(outer -> Flux
            .from(outer.dsl().insertInto(ITEM, NAME).values("lamp"))
            .thenMany(Flux.from(outer.dsl().transactionPublisher(inner -> Flux
                .from(inner.dsl().insertInto(ITEM, NAME).values("desk"))
                .thenMany(inner.dsl().insertInto(ITEM, NAME).values("lamp")))).onErrorResume(error -> Mono.empty()))
            .thenMany(outer.dsl().insertInto(ITEM, NAME).values("door"))));
        assertEquals(List.of("lamp", "door"), names());
    }

    @Test
    void batchesRun() {
        var insert = db.insertInto(ITEM, NAME).values((String) null);
        assertEquals(List.of(1, 1, 1), all(db.batch(insert).bind("lamp").bind("desk").bind("door")));
        assertEquals(List.of(1, 2), all(db.batch(
            db.deleteFrom(ITEM).where(NAME.eq("lamp")), db.update(ITEM).set(SOLD, true))));
        assertEquals(2, get(db.select(count()).from(ITEM).where(SOLD)).value1());
    }

    @Test
    void manyRowsComeOnDemand() {
        var insert = db.insertInto(ITEM, NAME);
        for (int n = 0; n < 1000; n++) {
            insert = insert.values("item " + n);
        }
        assertEquals(1000, get(insert));
        assertEquals(1000, all(db.selectFrom(ITEM)).size());
        assertEquals(3, all(Flux.from(db.selectFrom(ITEM)).take(3)).size());
    }
}
