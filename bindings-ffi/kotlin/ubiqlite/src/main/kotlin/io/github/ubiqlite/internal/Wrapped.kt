package io.github.ubiqlite.internal

import java.lang.reflect.Method
import java.lang.reflect.Modifier
import kotlinx.serialization.SerialName

/**
 * Returns what a value without a serializer stands for: an enum for its name, a value
 * class for its content. Returns the value itself, if it stands for nothing else.
 *
 * @param refuse makes the error for a value for which that is unknown
 */
internal fun standsFor(value: Any, refuse: (String) -> Exception): Any? {
    if (value is Enum<*>) return namesOf(value.declaringJavaClass)[value.ordinal]
    val type = value.javaClass
    val inside = (UNBOX.get(type) ?: return value).invoke(value)
    return when (SUFFIX.get(type)) {
        PLAIN -> inside
        U_BYTE -> (inside as Byte).toUByte()
        U_SHORT -> (inside as Short).toUShort()
        U_INT -> (inside as Int).toUInt()
        U_LONG -> (inside as Long).toULong()
        else -> throw refuse("is a ${type.name}, which does not expose its number; make its property public or the class @Serializable")
    }
}

/** Returns the names of an enum's constants, in order: the `@SerialName` if there is one. */
internal fun namesOf(type: Class<*>): Array<String> = NAMES.get(type)

// What is known about a class is kept by the class, and consists only of the platform's types,
// so that it keeps neither the class nor this library alive.

private val NAMES = object : ClassValue<Array<String>>() {
    override fun computeValue(type: Class<*>): Array<String> {
        val all = type.enumConstants
        return Array(all.size) { index ->
            val name = (all[index] as Enum<*>).name
            type.getField(name).getAnnotation(SerialName::class.java)?.value ?: name
        }
    }
}

/** The method that returns a value class's content; null for other classes. */
private val UNBOX = object : ClassValue<Method?>() {
    override fun computeValue(type: Class<*>): Method? {
        if (!type.isAnnotationPresent(JvmInline::class.java)) return null
        val method = type.methods.find { it.name == "unbox-impl" && it.parameterCount == 0 } ?: return null
        // The public methods of a private class may only be called by the class itself.
        return method.takeIf { it.trySetAccessible() }
    }
}

/**
 * The suffix that Kotlin adds to the name of a value class's getter, by the type it returns. For
 * the platform an unsigned number is a signed one, and so is a duration or another value class
 * with a number in it: nothing else distinguishes them.
 */
private val SUFFIX = object : ClassValue<String>() {
    override fun computeValue(type: Class<*>): String {
        val field = type.declaredFields.singleOrNull { !Modifier.isStatic(it.modifiers) } ?: return UNKNOWN
        if (!field.type.isPrimitive) return PLAIN
        val getter = "get" + field.name.replaceFirstChar { it.uppercaseChar() }
        for (method in type.declaredMethods) {
            if (Modifier.isStatic(method.modifiers) || method.parameterCount != 0) continue
            if (method.name == getter || method.name == field.name) return PLAIN
            if (method.name.startsWith("$getter-")) return method.name.substring(getter.length)
        }
        return UNKNOWN
    }
}

private const val PLAIN = ""
private const val UNKNOWN = "?"
private const val U_BYTE = "-w2LRezQ"
private const val U_SHORT = "-Mh2AYeg"
private const val U_INT = "-pVg5ArA"
private const val U_LONG = "-s-VKNKU"
