package io.github.ubiqlite.internal

import java.math.BigDecimal
import java.math.BigInteger
import java.time.Duration
import java.time.Instant
import java.time.LocalDate
import java.time.LocalDateTime
import java.time.LocalTime
import java.time.OffsetDateTime
import java.time.ZonedDateTime
import java.util.UUID
import kotlin.reflect.KClass
import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.KSerializer
import kotlinx.serialization.SerializationException
import kotlinx.serialization.descriptors.PrimitiveKind
import kotlinx.serialization.descriptors.PrimitiveSerialDescriptor
import kotlinx.serialization.encoding.Decoder
import kotlinx.serialization.encoding.Encoder
import kotlinx.serialization.json.JsonDecoder
import kotlinx.serialization.json.JsonEncoder
import kotlinx.serialization.json.JsonUnquotedLiteral
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.modules.SerializersModule
import kotlinx.serialization.modules.SerializersModuleBuilder

/** Serializers for the platform's types that kotlinx.serialization does not know; they write them as [textOf] does. */
internal val PLATFORM: SerializersModule = SerializersModule {
    text(Instant::class, Instant::parse)
    text(OffsetDateTime::class, OffsetDateTime::parse)
    text(ZonedDateTime::class, ZonedDateTime::parse)
    text(LocalDate::class, LocalDate::parse)
    text(LocalTime::class, LocalTime::parse)
    text(LocalDateTime::class, LocalDateTime::parse)
    text(Duration::class, Duration::parse)
    text(UUID::class, UUID::fromString)
    contextual(BigDecimal::class, Digits(BigDecimal::class, ::BigDecimal))
    contextual(BigInteger::class, Digits(BigInteger::class, ::BigInteger))
    if (KotlinTime.isThere) KotlinTime.serializers(this)
}

internal fun <T : Any> SerializersModuleBuilder.text(type: KClass<T>, parse: (String) -> T) = contextual(type, Text(type, parse))

private open class Text<T : Any>(type: KClass<T>, protected val parse: (String) -> T) : KSerializer<T> {
    override val descriptor = PrimitiveSerialDescriptor("io.github.ubiqlite.${type.simpleName}", PrimitiveKind.STRING)

    override fun deserialize(decoder: Decoder): T = parse(decoder.decodeString())

    override fun serialize(encoder: Encoder, value: T) = encoder.encodeString(text(value))

    protected fun text(value: T): String = textOf(value, ::SerializationException) ?: value.toString()
}

/** A number whose digits JSON keeps, and a cell keeps as far as its column allows. */
@OptIn(ExperimentalSerializationApi::class)
private class Digits<T : Any>(type: KClass<T>, parse: (String) -> T) : Text<T>(type, parse) {
    override fun deserialize(decoder: Decoder): T = when (decoder) {
        is JsonDecoder -> parse(decoder.decodeJsonElement().jsonPrimitive.content)
        is RowDecoder -> parse(decoder.digits())
        else -> super.deserialize(decoder)
    }

    override fun serialize(encoder: Encoder, value: T) = when (encoder) {
        is JsonEncoder -> encoder.encodeJsonElement(JsonUnquotedLiteral(text(value)))
        is CellEncoder -> encoder.write(value)
        else -> super.serialize(encoder, value)
    }
}
