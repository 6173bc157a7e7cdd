package guide

import app.Item
import app.Shop
import app.Tags
import app.cash.sqldelight.ColumnAdapter
import app.cash.sqldelight.async.coroutines.awaitAsList
import app.cash.sqldelight.coroutines.asFlow
import app.cash.sqldelight.coroutines.mapToList
import io.github.ubiqlite.sqldelight.UbiqliteSqlDriver
import io.github.ubiqlite.sqldelight.inFolder
import io.github.ubiqlite.sqldelight.running
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.first
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

/** The guide's section about SQLDelight. */
class SqlDelightGuideTest {
    private val tags = object : ColumnAdapter<Tags, String> {
        override fun decode(databaseValue: String) = Tags(databaseValue.split(','))

        override fun encode(value: Tags) = value.names.joinToString(",")
    }

    @Test
    fun `a program opens, reads, writes and follows`() = inFolder { file ->
        running {
            val path = file.toString()
            // #region open
            val driver = UbiqliteSqlDriver.open(path, Shop.Schema) // creates or migrates the schema
            val shop = Shop(driver, Item.Adapter(tags))
            // #endregion open

            // #region query
            shop.transaction {
                shop.itemQueries.setPrice("lamp", 12.5)
                shop.itemQueries.setPrice("chair", 30.0)
            }
            val items = shop.itemQueries.all().awaitAsList()
            // #endregion query
            assertEquals(listOf("lamp", "chair"), items.map { it.name })

            // #region follow
            val names = shop.itemQueries.named(listOf("lamp")).asFlow().mapToList(Dispatchers.Default)
            // #endregion follow
            assertEquals("lamp", names.first().single().name)
            driver.close()
        }
    }
}
