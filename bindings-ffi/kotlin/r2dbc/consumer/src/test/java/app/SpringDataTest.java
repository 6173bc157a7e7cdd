package app;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.springframework.data.domain.Sort.by;
import static org.springframework.data.relational.core.query.Criteria.where;
import static org.springframework.data.relational.core.query.Query.empty;
import static org.springframework.data.relational.core.query.Query.query;

import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.dao.OptimisticLockingFailureException;
import org.springframework.data.annotation.Id;
import org.springframework.data.annotation.Version;
import org.springframework.data.domain.PageRequest;
import org.springframework.data.domain.Pageable;
import org.springframework.data.r2dbc.core.R2dbcEntityTemplate;
import org.springframework.data.r2dbc.repository.Modifying;
import org.springframework.data.r2dbc.repository.Query;
import org.springframework.data.r2dbc.repository.R2dbcRepository;
import org.springframework.data.r2dbc.repository.support.R2dbcRepositoryFactory;
import org.springframework.data.relational.core.query.Update;
import org.springframework.r2dbc.connection.R2dbcTransactionManager;
import org.springframework.r2dbc.core.DatabaseClient;
import org.springframework.transaction.reactive.TransactionalOperator;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** What Spring Data R2DBC documents, on the dialect that it finds in the driver's jar. */
class SpringDataTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    enum Status { NEW, SOLD }

    record Item(@Id Long id, String name, BigDecimal price, boolean sold, Status status, LocalDate made, @Version Integer version) {
        static Item of(String name) {
            return new Item(null, name, new BigDecimal("12.5"), true, Status.NEW, LocalDate.of(2026, 12, 1), null);
        }

        Item renamed(String other) {
            return new Item(id, other, price, sold, status, made, version);
        }
    }

    record Moment(@Id Long id, Instant at, LocalDateTime local, UUID key, byte[] bytes, Double real, Boolean flag, Long large) {}

    record Payment(@Id Long id, BigDecimal number, BigDecimal text) {}

    interface Items extends R2dbcRepository<Item, Long> {
        Flux<Item> findByNameStartingWithOrderByNameDesc(String start);

        Flux<Item> findByNameContaining(String part);

        Flux<Item> findByNameIn(List<String> names);

        Flux<Item> findBySoldTrue(Pageable page);

        Mono<Boolean> existsByName(String name);

        Mono<Long> deleteByName(String name);

        @Query("SELECT count(*) FROM item WHERE price > :least")
        Mono<Long> dearer(BigDecimal least);

        @Modifying
        @Query("UPDATE item SET sold = 0 WHERE name = :name")
        Mono<Long> back(String name);
    }

    private ConnectionFactory factory;
    private R2dbcEntityTemplate template;
    private DatabaseClient client;
    private Items items;

    @BeforeEach
    void open() {
        factory = ConnectionFactories.get("r2dbc:ubiqlite:mem:///");
        // #region open
        template = new R2dbcEntityTemplate(factory); // a Spring application has it injected, like the repository
        items = new R2dbcRepositoryFactory(template).getRepository(Items.class);
        // #endregion open
        client = template.getDatabaseClient();
        run("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, price NUMERIC, sold INTEGER, "
            + "status TEXT, made TEXT, version INTEGER)");
        run("CREATE TABLE moment (id INTEGER PRIMARY KEY, at TEXT, local TEXT, \"key\" TEXT, bytes BLOB, real REAL, "
            + "flag INTEGER, large INTEGER)");
    }

    @AfterEach
    void close() {
        Mono.from(((io.r2dbc.spi.Closeable) factory).close()).block(PATIENCE);
    }

    private void run(String sql) {
        client.sql(sql).then().block(PATIENCE);
    }

    private static <T> T get(Mono<T> mono) {
        return mono.block(PATIENCE);
    }

    private static <T> List<T> all(Flux<T> flux) {
        return flux.collectList().block(PATIENCE);
    }

    @Test
    void aRepositoryReadsWhatItHasWritten() {
        Item lamp = get(items.save(Item.of("lamp")));
        assertEquals(1, lamp.id());
        assertEquals(lamp, get(items.findById(1L)));
        assertEquals(3, all(items.saveAll(List.of(Item.of("chair"), Item.of("desk"), Item.of("door")))).size());
        assertEquals(4, get(items.count()));

        Item renamed = get(items.save(lamp.renamed("light")));
        assertEquals("light", get(items.findById(1L)).name());
        assertThrows(OptimisticLockingFailureException.class, () -> get(items.save(lamp)));
        get(items.delete(renamed));
        assertNull(get(items.findById(1L)));
    }

    @Test
    void derivedAndWrittenQueriesRun() {
        all(items.saveAll(Flux.just("lamp", "desk", "door", "50%").map(Item::of)));
        assertEquals(List.of("door", "desk"), names(items.findByNameStartingWithOrderByNameDesc("d")));
        assertEquals(List.of("desk"), names(items.findByNameContaining("es")));
        // Spring Data escapes wildcards by a backslash, and does not tell SQLite, which has no such default.
        assertEquals(List.of(), names(items.findByNameContaining("0%")));
        assertEquals(List.of("desk", "lamp"), names(items.findByNameIn(List.of("lamp", "desk", "none"))).stream().sorted().toList());
        assertEquals(true, get(items.existsByName("lamp")));
        assertEquals(4, get(items.dearer(new BigDecimal("12.4"))));
        assertEquals(0, get(items.dearer(new BigDecimal("12.5"))));
        assertEquals(1, get(items.back("lamp")));
        assertEquals(1, get(items.deleteByName("door")));
    }

    private List<String> names(Flux<Item> found) {
        return all(found.map(Item::name));
    }

    @Test
    void pagesAreSQLites() {
        all(items.saveAll(Flux.range(0, 10).map(n -> Item.of("item " + n))));
        var sorted = empty().sort(by("id"));
        assertEquals(List.of("item 0", "item 1"), names(template.select(sorted.limit(2), Item.class)));
        assertEquals(List.of("item 8", "item 9"), names(template.select(sorted.offset(8), Item.class)));
        assertEquals(List.of("item 3"), names(template.select(sorted.limit(1).offset(3), Item.class)));
        assertEquals(List.of("item 4", "item 5"), names(items.findBySoldTrue(PageRequest.of(2, 2, by("id")))));
    }

    @Test
    void theTemplateUpdatesAndDeletes() {
        all(items.saveAll(Flux.just("lamp", "desk").map(Item::of)));
        var lamp = query(where("name").is("lamp"));
        assertEquals(1, get(template.update(lamp, Update.update("status", Status.SOLD), Item.class)));
        assertEquals(Status.SOLD, get(template.selectOne(lamp, Item.class)).status());
        assertEquals(1, get(template.delete(lamp, Item.class)));
        assertEquals(1, get(template.count(empty(), Item.class)));
    }

    @Test
    void valuesOfManyTypesAreReadBack() {
        var one = new Moment(null, Instant.parse("2026-12-01T01:02:03.456Z"), LocalDateTime.of(2026, 12, 1, 1, 2, 3),
            UUID.fromString("01234567-89ab-cdef-0123-456789abcdef"), new byte[] {0, 1, -1}, 0.1, false, Long.MAX_VALUE);
        Long id = get(template.insert(one)).id();
        assertNotNull(id);
        Moment found = get(template.selectOne(query(where("id").is(id)), Moment.class));
        assertEquals(one.at(), found.at());
        assertEquals(one.local(), found.local());
        assertEquals(one.key(), found.key());
        assertArrayEquals(one.bytes(), found.bytes());
        assertEquals(one.real(), found.real());
        assertEquals(one.flag(), found.flag());
        assertEquals(one.large(), found.large());

        Long none = get(template.insert(new Moment(null, null, null, null, null, null, null, null))).id();
        assertNull(get(template.selectOne(query(where("id").is(none)), Moment.class)).at());
    }

    @Test
    void aDecimalOfManyDigitsIsExactInAColumnOfText() {
        run("CREATE TABLE payment (id INTEGER PRIMARY KEY, number NUMERIC, text TEXT)");
        for (String digits : List.of("123456789012.345", "1234567890123456.789")) {
            var amount = new BigDecimal(digits);
            Long id = get(template.insert(new Payment(null, amount, amount))).id();
            Payment found = get(template.selectOne(query(where("id").is(id)), Payment.class));
            assertEquals(amount, found.text());
            assertEquals(amount.precision() <= 15, found.number().equals(amount));
        }
    }

    @Test
    void aTransactionIsKeptOrUndone() {
        var transaction = TransactionalOperator.create(new R2dbcTransactionManager(factory));
        get(items.save(Item.of("lamp")).then(items.save(Item.of("desk"))).as(transaction::transactional));
        assertThrows(DataIntegrityViolationException.class, () -> get(
            items.save(Item.of("door")).then(items.save(Item.of("lamp"))).as(transaction::transactional)));
        get(transaction.execute(status -> {
            status.setRollbackOnly();
            return items.save(Item.of("chair"));
        }).then());
        assertEquals(List.of("lamp", "desk"), names(items.findAll(by("id"))));
    }

    @Test
    void aStatementWithManyBindingsAndABatchRun() {
        Long changed = get(client.inConnection(connection -> {
            var insert = connection.createStatement("INSERT INTO item (name) VALUES (?)");
            insert.bind(0, "lamp").add().bind(0, "desk");
            return Flux.from(insert.execute()).flatMap(result -> result.getRowsUpdated()).reduce(0L, Long::sum);
        }));
        assertEquals(2, changed);
        get(client.inConnection(connection -> Flux.from(
            connection.createBatch().add("DELETE FROM item WHERE name = 'lamp'").add("UPDATE item SET price = 1").execute())
            .flatMap(result -> result.getRowsUpdated()).then()));
        assertEquals(List.of("desk 1"), all(client.sql("SELECT name, price FROM item")
            .map((row, metadata) -> row.get("name") + " " + row.get("price", BigDecimal.class)).all()));
    }

    @Test
    void returnedValuesAreThoseOfTheRow() {
        var key = client.sql("INSERT INTO item (name) VALUES (:name)").filter(statement -> statement.returnGeneratedValues("id"))
            .bind("name", "lamp").map(row -> row.get("id", Long.class)).one();
        assertEquals(1, get(key));
    }
}
