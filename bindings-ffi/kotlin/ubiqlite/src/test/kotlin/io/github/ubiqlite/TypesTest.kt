package io.github.ubiqlite

import java.math.BigDecimal
import java.math.BigInteger
import java.time.DayOfWeek
import java.time.LocalDate
import java.time.LocalDateTime
import java.time.LocalTime
import java.util.UUID
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.ExperimentalTime
import kotlin.time.Instant
import kotlin.uuid.ExperimentalUuidApi
import kotlin.uuid.Uuid
import kotlinx.serialization.Contextual
import kotlinx.serialization.KSerializer
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.builtins.ListSerializer
import kotlinx.serialization.builtins.MapSerializer
import kotlinx.serialization.builtins.serializer
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Kotlin's types and the program's own: each is read back as the type that it was written from. */
@OptIn(ExperimentalTime::class, ExperimentalUuidApi::class)
class TypesTest {
    @Serializable
    private enum class Level {
        @SerialName("low")
        LOW,
        HIGH,
    }

    private enum class Plain {
        @SerialName("first")
        FIRST,
        SECOND {
            override fun toString() = "a class of its own"
        },
    }

    @Serializable
    @JvmInline
    private value class Name(val text: String)

    @Serializable
    @JvmInline
    private value class Size(val bytes: ULong)

    @Serializable
    private data class Details(val watt: Int, val level: Level = Level.LOW)

    @Serializable
    private sealed interface Shape {
        @Serializable
        @SerialName("circle")
        data class Circle(val radius: Double) : Shape

        @Serializable
        @SerialName("point")
        data object Point : Shape
    }

    /** A class with one property of each type. */
    @Serializable
    private data class Everything(
        val id: Long? = null,
        val level: Level = Level.LOW,
        val plain: Plain = Plain.SECOND,
        val name: Name = Name("lamp"),
        val size: Size = Size(7u),
        val small: UByte = 200u,
        val took: Duration = (-1500).milliseconds,
        val uuid: Uuid = Uuid.parse("01890a5d-ac96-774b-bcce-b302099a8057"),
        @Contextual val at: Instant = Instant.parse("2026-01-31T12:00:00.5Z"),
        @Contextual val platformAt: java.time.Instant = java.time.Instant.parse("2026-01-31T12:00:00Z"),
        @Contextual val day: LocalDate = LocalDate.of(2026, 1, 31),
        @Contextual val clock: LocalTime = LocalTime.of(12, 0),
        @Contextual val local: LocalDateTime = LocalDateTime.of(2026, 1, 31, 12, 0),
        @Contextual val waited: java.time.Duration = java.time.Duration.ofMillis(-1500),
        @Contextual val platformUuid: UUID = UUID(1, 2),
        @Contextual val price: BigDecimal = BigDecimal("100000000000000000000.10"),
        @Contextual val many: BigInteger = BigInteger.valueOf(Long.MAX_VALUE),
        val details: Details? = Details(40, Level.HIGH),
        val nothing: Details? = null,
        val shape: Shape = Shape.Circle(1.5),
        val other: Shape = Shape.Point,
        val tags: List<Level> = listOf(Level.LOW, Level.HIGH),
        val times: Map<String, @Contextual Instant> = mapOf("a" to Instant.fromEpochSeconds(1)),
        val letter: Char = 'x',
        val single: Float = 0.1f,
        val on: Boolean = true,
    )

    private val columns = Everything.serializer().descriptor.let { all -> List(all.elementsCount, all::getElementName) }

    @Test
    fun `an object is written to a row and read back, whatever its properties are`() = withDatabase { db ->
        db.batch("CREATE TABLE all_types (id INTEGER PRIMARY KEY, ${columns.drop(1).joinToString { "\"$it\"" }})")
        val table = db.table("all_types")
        val first = Everything()
        assertEquals(first.copy(id = 1), table.get(table.insert(first))?.into<Everything>())
        val changed = Everything(5, Level.HIGH, Plain.FIRST, details = null, shape = Shape.Point, tags = emptyList())
        assertEquals(5L, table.upsert(changed))
        assertEquals(changed, table.get(5)?.into<Everything>())
        assertTrue(table.update(1, changed.copy(id = 1, name = Name("chair"))))
        assertEquals("chair", table.get(1)?.string("name"))
        assertEquals(2000L, table.insertMany(List(2000) { Everything(10L + it, size = Size(it.toULong())) }))
        assertEquals(Size(1999u), table.get(2009)?.into<Everything>()?.size)
        val row = db.queryOne("SELECT * FROM all_types WHERE id = 5")
        val texts = mapOf(
            "level" to "HIGH", "plain" to "first", "name" to "lamp", "took" to "-PT1.500S", "waited" to "-PT1.500S",
            "at" to "2026-01-31T12:00:00.500000000Z", "platformAt" to "2026-01-31T12:00:00.000000000Z",
            "uuid" to "01890a5d-ac96-774b-bcce-b302099a8057", "other" to """{"type":"point"}""", "tags" to "[]",
        )
        for ((column, text) in texts) assertEquals(text, row[column], column)
        assertEquals(listOf<Any?>(7L, 200L, null), listOf(row["size"], row["small"], row["details"]))
    }

    @Test
    fun `a value in a parameter is written as it is in an object`() = withDatabase { db ->
        db.batch("CREATE TABLE all_types (id INTEGER PRIMARY KEY, ${columns.drop(1).joinToString { "\"$it\"" }})")
        val all = with(Everything()) {
            listOf(
                id, level, plain, name, size, small, took, uuid, at, platformAt, day, clock, local, waited, platformUuid, price,
                many, details, nothing, shape, other, tags, times, letter, single, on,
            )
        }
        val table = db.table("all_types")
        table.insert(Everything())
        table.insert(columns.zip(all).toMap())
        val (one, two) = table.select().orderBy("id").all()
        for (column in columns.drop(1)) {
            // JSON made from a class has the forms of that class's serializers.
            if (column != "times") assertEquals(one[column], two[column], column)
        }
        assertEquals(Everything(2), two.into<Everything>())
        assertEquals(1L, table.select().where("level", Level.LOW).where("id", 1).count())
        assertEquals(2L, table.select().where("at", Everything().at).whereIn("plain", listOf(Plain.SECOND)).count())
    }

    @Test
    fun `a value in a list or map is JSON that is read back`() = withDatabase { db ->
        suspend fun <T> same(values: List<T>, serializer: KSerializer<T>) {
            assertEquals(values, db.queryOne("SELECT ?", values).into(ListSerializer(serializer)))
            val map = values.withIndex().associate { "k${it.index}" to it.value }
            assertEquals(map, db.queryOne("SELECT ?", map).into(MapSerializer(String.serializer(), serializer)))
        }
        same(Level.entries, Level.serializer())
        same(listOf(Name("a"), Name("")), Name.serializer())
        same(listOf(Size(ULong.MAX_VALUE)), Size.serializer())
        same(listOf(Details(1), Details(2, Level.HIGH)), Details.serializer())
        same(listOf(Shape.Circle(1.0), Shape.Point), Shape.serializer())
        same(listOf(1500.milliseconds, Duration.ZERO), Duration.serializer())
        same(listOf(Uuid.random()), Uuid.serializer())
        assertEquals("""["first","SECOND",{"a":["low"]}]""", db.queryValue<String>("SELECT ?", listOf(Plain.FIRST, Plain.SECOND, mapOf("a" to listOf(Level.LOW)))))
    }

    @JvmInline
    private value class Bare(val id: Long)

    @JvmInline
    private value class Text(val text: String?)

    @JvmInline
    private value class Byte8(val of: UByte)

    @JvmInline
    private value class Byte16(val of: UShort)

    @JvmInline
    private value class Byte32(val of: UInt)

    @JvmInline
    private value class Byte64(val of: ULong)

    @JvmInline
    private value class Flag(val isOn: Boolean)

    @JvmInline
    private value class Outer(val inner: Text)

    @JvmInline
    private value class Perhaps(val count: UInt?)

    @JvmInline
    private value class Any1<T>(val of: T)

    @JvmInline
    private value class Hidden(private val count: UInt)

    @JvmInline
    private value class Limit(val limit: Duration)

    @JvmInline
    private value class Twice(val inner: Byte32)

    @Test
    fun `a value class that is not Serializable is what is in it`() = withDatabase { db ->
        val inside = listOf<Pair<Any, Any?>>(
            Bare(-7) to -7L, Text("x") to "x", Text(null) to null, Byte8(200u) to 200L, Byte16(60_000u) to 60_000L,
            Byte32(UInt.MAX_VALUE) to 4_294_967_295L, Byte64(7u) to 7L, Flag(true) to 1L, Outer(Text("y")) to "y",
            Perhaps(UInt.MAX_VALUE) to 4_294_967_295L, Perhaps(null) to null, Any1(Byte32(3_000_000_000u)) to 3_000_000_000L,
            Any1(Level.LOW) to "low",
        )
        for ((value, expected) in inside) assertEquals(expected, db.queryValue<Any?>("SELECT ?", value), value.javaClass.name)
        assertEquals("[-7,4294967295,null,true]", db.queryValue<String>("SELECT ?", listOf(Bare(-7), Byte32(UInt.MAX_VALUE), Text(null), Flag(true))))
        // Their bits are a number, which may differ from the value that they stand for.
        for (value in listOf(Hidden(1u), Limit(1500.milliseconds), Twice(Byte32(1u)), Byte64(ULong.MAX_VALUE))) {
            val error = assertFailsWith<UbiqliteException.InvalidArgument> { db.query("SELECT :of", "of" to value) }
            assertTrue("\"of\"" in error.message.orEmpty(), error.message)
        }
        assertFailsWith<UbiqliteException.InvalidArgument> { db.query("SELECT ?", listOf(Hidden(1u))) }
    }

    @Test
    fun `an enum is written as it is read`() = withDatabase { db ->
        for (level in Level.entries) assertEquals(level, db.queryValue<Level>("SELECT ?", level))
        assertEquals("first", db.queryValue<String>("SELECT ?", Plain.FIRST))
        assertEquals(DayOfWeek.MONDAY, db.queryValue<DayOfWeek>("SELECT ?", DayOfWeek.MONDAY))
        for (plain in Plain.entries) {
            assertEquals(plain, db.queryValue<Plain>("SELECT ?", plain))
            assertEquals(plain, db.queryOne("SELECT ?", plain).into<Plain?>())
        }
        assertFailsWith<UbiqliteException.DatatypeMismatch> { db.queryValue<Level>("SELECT 'LOW'") }
    }

    @Test
    fun `one value of a type of the platform is read as such`() = withDatabase { db ->
        val all = Everything()
        assertEquals(all.at, db.queryValue<Instant>("SELECT ?", all.at))
        assertEquals(all.platformAt, db.queryValue<java.time.Instant>("SELECT ?", all.platformAt))
        assertEquals(all.platformUuid, db.queryValue<UUID>("SELECT ?", all.platformUuid))
        assertEquals(all.took, db.queryValue<Duration>("SELECT ?", all.took))
        assertEquals(BigDecimal("7"), db.queryValue<BigDecimal>("SELECT 7"))
        assertEquals(listOf(BigDecimal("0.10")), db.queryOne("SELECT ?", listOf(BigDecimal("0.10"))).into<List<@Contextual BigDecimal>>())
        val error = assertFailsWith<UbiqliteException.DatatypeMismatch> { db.queryValue<LocalDate>("SELECT 'today' AS day") }
        assertEquals(listOf("day"), error.columns)
        assertFailsWith<UbiqliteException.InvalidArgument> { db.query("SELECT ?", Duration.INFINITE) }
        assertFailsWith<UbiqliteException.InvalidArgument> { db.query("SELECT ?", Instant.DISTANT_FUTURE) }
    }

    @Serializable
    private data class Datetimes(
        val id: Long? = null,
        val at: kotlinx.datetime.Instant = kotlinx.datetime.Instant.parse("2026-01-31T12:00:00Z"),
        val local: kotlinx.datetime.LocalDateTime = kotlinx.datetime.LocalDateTime(2026, 1, 31, 12, 0),
        val clock: kotlinx.datetime.LocalTime = kotlinx.datetime.LocalTime(12, 0),
        val day: kotlinx.datetime.LocalDate = kotlinx.datetime.LocalDate(2026, 1, 31),
    )

    @Test
    fun `times of kotlinx-datetime are text of one width`() = withDatabase { db ->
        db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, at, local, clock, day)")
        val all = Datetimes()
        db.table("t").insert(all)
        db.execute("INSERT INTO t (at, local, clock, day) VALUES (?, ?, ?, ?)", all.at, all.local, all.clock, all.day)
        val texts = listOf<Any?>("2026-01-31T12:00:00.000000000Z", "2026-01-31T12:00:00.000000000", "12:00:00.000000000", "2026-01-31")
        for (row in db.query("SELECT * FROM t")) {
            assertEquals(texts, List(4) { row[it + 1] })
            assertEquals(all.copy(id = row.long("id")), row.into<Datetimes>())
        }
    }
}
