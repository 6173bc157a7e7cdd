package io.github.ubiqlite.internal

import java.util.concurrent.ConcurrentHashMap
import kotlinx.serialization.DeserializationStrategy
import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.KSerializer
import kotlinx.serialization.Serializable
import kotlinx.serialization.SerializationStrategy
import kotlinx.serialization.builtins.nullable
import kotlinx.serialization.builtins.serializer
import kotlinx.serialization.descriptors.PolymorphicKind
import kotlinx.serialization.descriptors.PrimitiveKind
import kotlinx.serialization.descriptors.SerialDescriptor
import kotlinx.serialization.descriptors.SerialKind
import kotlinx.serialization.descriptors.buildClassSerialDescriptor
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonNamingStrategy
import kotlinx.serialization.modules.EmptySerializersModule
import kotlinx.serialization.modules.SerializersModule
import kotlinx.serialization.modules.overwriteWith
import kotlinx.serialization.serializerOrNull

/** Converts between a database's values and the program's classes. */
@OptIn(ExperimentalSerializationApi::class)
internal class Mapping(json: Json, private val snakeCase: Boolean) {
    /** The program's [Json], plus the [platform's types][PLATFORM], unless it has its own serializers for them. */
    private val json = Json(json) { serializersModule = PLATFORM overwriteWith json.serializersModule }

    private val snakes = ConcurrentHashMap<String, String>()

    /** Where `@Contextual` types find their serializer. */
    val module: SerializersModule get() = json.serializersModule

    /** Reads JSON text. */
    fun <T> read(text: String, deserializer: DeserializationStrategy<T>): T = json.decodeFromString(deserializer, text)

    /** Returns the JSON text of a value. */
    fun <T> write(value: T, serializer: SerializationStrategy<T>): String = json.encodeToString(serializer, value)

    /** Returns the column that a property is written to. */
    fun column(property: String): String = snake(property) ?: property

    /** Returns the other name that a property's column may have, if any. */
    fun snake(property: String): String? {
        if (!snakeCase) return null
        snakes[property]?.let { return it }
        val snake = JsonNamingStrategy.SnakeCase.serialNameForJson(SHAPELESS, 0, property)
        // There are as many names as the program has properties, unless they are generated.
        if (snakes.size < MOST_NAMES) snakes[property] = snake
        return snake
    }

    /** Returns the serializer for a value of a `@Serializable` class, or of one that the program's [Json] knows. */
    fun serializerOf(value: Any): KSerializer<Any>? {
        val type = value.javaClass
        @Suppress("UNCHECKED_CAST")
        return (COMPILED.get(type) ?: contextual(type)) as KSerializer<Any>?
    }

    /** Returns the nearest contextual serializer of a class and the classes it extends or implements. */
    private fun contextual(type: Class<*>): KSerializer<*>? =
        module.getContextual(type.kotlin) ?: if (type.isEnum) null else ancestors(type).firstNotNullOfOrNull { module.getContextual(it.kotlin) }

    companion object {
        /** Reads JSON columns, if the program does not provide another. */
        val JSON: Json = Json { ignoreUnknownKeys = true }

        val DEFAULT: Mapping = Mapping(JSON, snakeCase = false)

        fun of(json: Json, snakeCase: Boolean): Mapping =
            if (json === JSON && !snakeCase) DEFAULT else Mapping(json, snakeCase)

        private const val MOST_NAMES = 4096

        /** A placeholder: the strategy looks only at the name. */
        private val SHAPELESS = buildClassSerialDescriptor("io.github.ubiqlite.Row")

        /** A class value, so that cached information does not keep its class alive. */
        private val COMPILED = object : ClassValue<KSerializer<*>?>() {
            override fun computeValue(type: Class<*>): KSerializer<*>? {
                val own = compiled(type) ?: return null
                if (isCell(own.descriptor)) return own
                // With its type's name in it, the JSON can be read as the sealed class and as the class itself.
                return ancestors(type).mapNotNull(::compiled).lastOrNull { it.descriptor.kind == PolymorphicKind.SEALED } ?: own
            }
        }

        private fun compiled(type: Class<*>): KSerializer<*>? =
            if (type.isAnnotationPresent(Serializable::class.java)) EmptySerializersModule().serializerOrNull(type) else null

        private fun ancestors(type: Class<*>): Sequence<Class<*>> =
            generateSequence(type.superclass) { it.superclass }.let { classes ->
                classes + (sequenceOf(type) + classes).flatMap { it.interfaces.asSequence() }
            }

        /** Returns whether a cell holds it as a single value, not as JSON text. */
        fun isCell(descriptor: SerialDescriptor): Boolean =
            (descriptor.kind is PrimitiveKind || descriptor.kind == SerialKind.ENUM || descriptor.isInline ||
                descriptor.kind == SerialKind.CONTEXTUAL) && !descriptor.serialName.startsWith(JSON_TREE)

        /**
         * Returns whether it only distinguishes null from a value, for which it uses another
         * serializer: such as for a nullable type that is a class's type argument.
         */
        fun isForNull(serializer: Any): Boolean = serializer.javaClass === FOR_NULL

        private val FOR_NULL = Int.serializer().nullable.javaClass

        /** Returns whether it is an unsigned number, which is a signed one inside. */
        fun isUnsigned(descriptor: SerialDescriptor): Boolean = descriptor.serialName in UNSIGNED

        private val UNSIGNED = setOf("kotlin.UByte", "kotlin.UShort", "kotlin.UInt", "kotlin.ULong")

        /** `JsonPrimitive` and the like, which only JSON itself can read. */
        private const val JSON_TREE = "kotlinx.serialization.json."
    }
}
