package io.github.ubiqlite

import kotlinx.coroutines.flow.asFlow
import kotlinx.serialization.Contextual
import kotlinx.serialization.EncodeDefault
import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.KSerializer
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.descriptors.PrimitiveKind
import kotlinx.serialization.descriptors.PrimitiveSerialDescriptor
import kotlinx.serialization.encoding.Decoder
import kotlinx.serialization.encoding.Encoder
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.modules.SerializersModule
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class MappingTest {
    @Serializable
    private data class Details(val watt: Int)

    @Serializable
    private data class User(
        val userId: Long?,
        val fullName: String,
        val details: Details? = null,
        @SerialName("homeURL") val home: String? = null,
    )

    private val schema = "CREATE TABLE users (user_id INTEGER PRIMARY KEY, full_name TEXT, details TEXT, home_url TEXT)"

    @Test
    fun `a property has its column in snake_case, where that is asked for`() = withDatabase({ snakeCase = true }) { db ->
        db.batch(schema)
        val users = db.table("users")
        val ada = User(1, "Ada", Details(40), "ada.example")
        assertEquals(1L, users.insert(ada))
        assertEquals(ada, users.get(1)?.into<User>())
        assertEquals(listOf("""{"watt":40}"""), users.select().all().map { it.string("details") })
        assertEquals(ada, db.queryOne("SELECT 1 AS userId, 'Ada' AS fullName, 'x' AS full_name, details, home_url AS homeURL FROM users").into<User>())
        assertEquals(3L, users.insertMany(listOf(User(null, "B"), User(null, "C"), User(null, "D")).asFlow()))
    }

    @Test
    fun `names are taken as they are, where nothing is said`() = withDatabase { db ->
        db.batch(schema)
        assertEquals(listOf("userId"), assertFailsWith<UbiqliteException.NoSuchColumn> { db.table("users").insert(User(1, "Ada")) }.columns)
        assertFailsWith<UbiqliteException.DatatypeMismatch> { db.queryOne("SELECT 1 AS user_id, 'Ada' AS full_name").into<User>() }
    }

    @Test
    fun `what JSON in a column has beyond the class is passed over, unless the program's Json says otherwise`() {
        val sql = """SELECT 1 AS userId, 'Ada' AS fullName, '{"watt":40,"since":2026}' AS details"""
        withDatabase { db -> assertEquals(Details(40), db.queryOne(sql).into<User>().details) }
        withDatabase({ json = Json }) { db ->
            val error = assertFailsWith<UbiqliteException.DatatypeMismatch> { db.queryOne(sql).into<User>() }
            assertEquals(listOf("details"), error.columns)
        }
    }

    /** A third-party class. */
    private data class Money(val cents: Long)

    private object Cents : KSerializer<Money> {
        override val descriptor = PrimitiveSerialDescriptor("Money", PrimitiveKind.LONG)
        override fun deserialize(decoder: Decoder) = Money(decoder.decodeLong())
        override fun serialize(encoder: Encoder, value: Money) = encoder.encodeLong(value.cents)
    }

    private interface Length

    private class Metres(val count: Double) : Length

    private object Lengths : KSerializer<Length> {
        override val descriptor = PrimitiveSerialDescriptor("Length", PrimitiveKind.STRING)
        override fun deserialize(decoder: Decoder) = Metres(decoder.decodeString().removeSuffix(" m").toDouble())
        override fun serialize(encoder: Encoder, value: Length) = encoder.encodeString("${(value as Metres).count} m")
    }

    private object Millis : KSerializer<java.time.Instant> {
        override val descriptor = PrimitiveSerialDescriptor("Millis", PrimitiveKind.LONG)
        override fun deserialize(decoder: Decoder): java.time.Instant = java.time.Instant.ofEpochMilli(decoder.decodeLong())
        override fun serialize(encoder: Encoder, value: java.time.Instant) = encoder.encodeLong(value.toEpochMilli())
    }

    @Serializable
    private data class Account(
        val id: Long,
        @Contextual val balance: Money,
        val history: List<@Contextual Money>,
        @Serializable(Millis::class) val at: java.time.Instant,
    )

    private val own = Json {
        encodeDefaults = true
        serializersModule = SerializersModule {
            contextual(Money::class, Cents)
            contextual(Length::class, Lengths)
        }
    }

    @Test
    fun `a type that the program's Json knows is a value`() = withDatabase({ json = own }) { db ->
        db.batch("CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER, history TEXT, at INTEGER)")
        val account = Account(1, Money(250), listOf(Money(1), Money(2)), java.time.Instant.ofEpochMilli(7))
        db.table("accounts").insert(account)
        assertEquals(account, db.table("accounts").get(1)?.into<Account>())
        assertEquals("[1,2]", db.queryValue<String>("SELECT history FROM accounts WHERE balance = ?", Money(250)))
        assertEquals(7L, db.queryValue<Long>("SELECT at FROM accounts"))
        assertEquals(Money(250), db.queryValue<Money>("SELECT balance FROM accounts"))
        assertEquals("[[3]]", db.queryValue<String>("SELECT ?", listOf(listOf(Money(3)))))
        assertEquals("2.0 m", db.queryValue<String>("SELECT ?", Metres(2.0)))
    }

    private class Own : Exception("of its own")

    private abstract class Wrong(private val write: (Encoder) -> Unit) : KSerializer<String> {
        override val descriptor = PrimitiveSerialDescriptor("wrong", PrimitiveKind.STRING)
        override fun deserialize(decoder: Decoder): String = decoder.decodeString()
        override fun serialize(encoder: Encoder, value: String) = write(encoder)
    }

    private object Failing : Wrong({ throw Own() })

    private object Silent : Wrong({})

    private object Twice : Wrong({ encoder -> repeat(2) { encoder.encodeString("x") } })

    private object Structured : Wrong({ encoder -> encoder.beginStructure(Details.serializer().descriptor) })

    @Serializable
    private data class First(val id: Long, @Serializable(Failing::class) val at: String)

    @Serializable
    private data class Second(val id: Long, @Serializable(Silent::class) val at: String)

    @Serializable
    private data class Third(val id: Long, @Serializable(Twice::class) val at: String)

    @Serializable
    private data class Fourth(val id: Long, @Serializable(Structured::class) val at: String)

    @Serializable
    private data class Fifth(val id: Long, val at: List<@Serializable(Failing::class) String>)

    @Test
    fun `a serializer that does not write one value is refused, and the message names the field`() = withDatabase { db ->
        db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT)")
        val table = db.table("t")
        val writes = listOf<suspend () -> Any?>(
            { table.insert(First(1, "")) }, { table.insert(Second(1, "")) }, { table.insert(Third(1, "")) },
            { table.insert(Fourth(1, "")) }, { table.insert(Fifth(1, listOf(""))) }, { table.update(1, First(1, "")) },
        )
        for (write in writes) {
            val error = assertFailsWith<UbiqliteException.InvalidArgument> { write() }
            assertTrue("\"at\"" in error.message.orEmpty(), error.message)
        }
        assertTrue(assertFailsWith<UbiqliteException.InvalidArgument> { table.insert(First(1, "")) }.cause is Own)
        assertEquals(0, assertFailsWith<UbiqliteException.InvalidArgument> { table.insertMany(listOf(First(1, ""), First(2, ""))) }.index)
        assertFailsWith<UbiqliteException.InvalidArgument> { table.insert(listOf(1)) }
        assertFailsWith<UbiqliteException.InvalidArgument> { db.query("SELECT ?", Inside(listOf(""))) }
        assertFailsWith<UbiqliteException.InvalidArgument> { db.query("SELECT ?", listOf(Inside(listOf("")))) }
        assertEquals(0L, table.count())
    }

    @Serializable
    private data class Inside(val at: List<@Serializable(Failing::class) String>)

    @OptIn(ExperimentalSerializationApi::class)
    @Serializable
    private data class Defaults(
        val id: Long? = null,
        val kind: String = "new",
        @EncodeDefault(EncodeDefault.Mode.NEVER) val note: String = "",
    )

    @Test
    fun `a property with the value of its default is written, unless it says otherwise`() = withDatabase { db ->
        db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, kind TEXT DEFAULT 'of the table', note TEXT DEFAULT 'of the table')")
        val row = db.table("t").get(db.table("t").insert(Defaults()))
        assertEquals(listOf<Any?>("new", "of the table"), listOf(row?.get("kind"), row?.get("note")))
    }

    @Serializable
    private data class Tree(val id: Long, val any: JsonElement, val one: JsonPrimitive)

    @Test
    fun `trees of JSON and halves of surrogate pairs in it are kept`() = withDatabase { db ->
        db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, any TEXT, one TEXT)")
        val tree = Tree(1, Json.parseToJsonElement("""{"a":[1,null,"x"]}"""), JsonPrimitive("half \ud800"))
        db.table("t").insert(tree)
        assertEquals(tree, db.table("t").get(1)?.into<Tree>())
    }
}
