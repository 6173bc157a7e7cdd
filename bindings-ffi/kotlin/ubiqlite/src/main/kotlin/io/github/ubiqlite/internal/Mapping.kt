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

/** How a database's values and the program's classes become each other. */
@OptIn(ExperimentalSerializationApi::class)
internal class Mapping(json: Json, private val snakeCase: Boolean) {
    /** The program's, which knows the [platform's types][PLATFORM] too, unless it has serializers of its own for them. */
    private val json = Json(json) { serializersModule = PLATFORM overwriteWith json.serializersModule }

    private val snakes = ConcurrentHashMap<String, String>()

    /** Where `@Contextual` types find their serializer. */
    val module: SerializersModule get() = json.serializersModule

    /** Reads JSON text. */
    fun <T> read(text: String, deserializer: DeserializationStrategy<T>): T = json.decodeFromString(deserializer, text)

    /** The JSON text of a value. */
    fun <T> write(value: T, serializer: SerializationStrategy<T>): String = json.encodeToString(serializer, value)

    /** The column that a property is written to. */
    fun column(property: String): String = snake(property) ?: property

    /** The other name that a property's column may have, if any. */
    fun snake(property: String): String? {
        if (!snakeCase) return null
        snakes[property]?.let { return it }
        val snake = JsonNamingStrategy.SnakeCase.serialNameForJson(SHAPELESS, 0, property)
        // Names are as many as the program has properties, unless somebody makes them up.
        if (snakes.size < MOST_NAMES) snakes[property] = snake
        return snake
    }

    /** What writes a value of a `@Serializable` class, or of one that the program's [Json] knows. */
    fun serializerOf(value: Any): KSerializer<Any>? {
        val type = value.javaClass
        @Suppress("UNCHECKED_CAST")
        return (COMPILED.get(type) ?: contextual(type)) as KSerializer<Any>?
    }

    /** The nearest of a class and those that it extends or implements. */
    private fun contextual(type: Class<*>): KSerializer<*>? =
        module.getContextual(type.kotlin) ?: if (type.isEnum) null else ancestors(type).firstNotNullOfOrNull { module.getContextual(it.kotlin) }

    companion object {
        /** What columns of JSON are read by, if the program gives no other. */
        val JSON: Json = Json { ignoreUnknownKeys = true }

        val DEFAULT: Mapping = Mapping(JSON, snakeCase = false)

        fun of(json: Json, snakeCase: Boolean): Mapping =
            if (json === JSON && !snakeCase) DEFAULT else Mapping(json, snakeCase)

        private const val MOST_NAMES = 4096

        /** The strategy looks at the name alone. */
        private val SHAPELESS = buildClassSerialDescriptor("io.github.ubiqlite.Row")

        /** A class value, so that no class is kept by what is known of it. */
        private val COMPILED = object : ClassValue<KSerializer<*>?>() {
            override fun computeValue(type: Class<*>): KSerializer<*>? {
                val own = compiled(type) ?: return null
                if (isCell(own.descriptor)) return own
                // With its type's name in it, it is read as the sealed class and as itself.
                return ancestors(type).mapNotNull(::compiled).lastOrNull { it.descriptor.kind == PolymorphicKind.SEALED } ?: own
            }
        }

        private fun compiled(type: Class<*>): KSerializer<*>? =
            if (type.isAnnotationPresent(Serializable::class.java)) EmptySerializersModule().serializerOrNull(type) else null

        private fun ancestors(type: Class<*>): Sequence<Class<*>> =
            generateSequence(type.superclass) { it.superclass }.let { classes ->
                classes + (sequenceOf(type) + classes).flatMap { it.interfaces.asSequence() }
            }

        /** Whether a cell holds it as one value, and not as JSON text. */
        fun isCell(descriptor: SerialDescriptor): Boolean =
            (descriptor.kind is PrimitiveKind || descriptor.kind == SerialKind.ENUM || descriptor.isInline ||
                descriptor.kind == SerialKind.CONTEXTUAL) && !descriptor.serialName.startsWith(JSON_TREE)

        /**
         * Whether it does nothing but tell null from a value, which another serializer knows:
         * so is a type with a question mark that a class is given for one of its parameters.
         */
        fun isForNull(serializer: Any): Boolean = serializer.javaClass === FOR_NULL

        private val FOR_NULL = Int.serializer().nullable.javaClass

        /** Whether it is an unsigned number, which is a signed one inside. */
        fun isUnsigned(descriptor: SerialDescriptor): Boolean = descriptor.serialName in UNSIGNED

        private val UNSIGNED = setOf("kotlin.UByte", "kotlin.UShort", "kotlin.UInt", "kotlin.ULong")

        /** `JsonPrimitive` and its like, which only JSON itself can read. */
        private const val JSON_TREE = "kotlinx.serialization.json."
    }
}
