package io.github.ubiqlite.r2dbc.spring

import io.github.ubiqlite.r2dbc.decode
import java.math.BigDecimal
import java.time.Instant
import java.time.LocalDate
import java.time.LocalDateTime
import java.time.LocalTime
import java.time.OffsetDateTime
import java.time.ZonedDateTime
import org.springframework.core.convert.TypeDescriptor
import org.springframework.core.convert.converter.GenericConverter
import org.springframework.core.convert.converter.GenericConverter.ConvertiblePair
import org.springframework.data.convert.ReadingConverter

/**
 * Reads a property whose type SQLite does not have as the driver itself does. Spring Data asks the driver for a value
 * without saying of which type.
 */
@ReadingConverter
internal object ColumnConverter : GenericConverter {
    private val pairs = HashSet<ConvertiblePair>().apply {
        add(ConvertiblePair(Int::class.javaObjectType, Boolean::class.javaObjectType))
        val texts = listOf(
            Instant::class, LocalDate::class, LocalDateTime::class, LocalTime::class, OffsetDateTime::class, ZonedDateTime::class,
        )
        for (type in texts) add(ConvertiblePair(String::class.java, type.java))
        // In a column with numeric affinity it is no text any more.
        add(ConvertiblePair(Double::class.javaObjectType, BigDecimal::class.java))
    }

    override fun getConvertibleTypes(): Set<ConvertiblePair> = pairs

    override fun convert(source: Any?, sourceType: TypeDescriptor, targetType: TypeDescriptor): Any? {
        val value = if (source is Int) source.toLong() else source
        return decode(value, targetType.objectType, "of ${targetType.name}")
    }
}
