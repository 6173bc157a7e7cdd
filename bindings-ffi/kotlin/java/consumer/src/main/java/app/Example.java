package app;

import io.github.ubiqlite.UbiqliteException;
import io.github.ubiqlite.java.UbiqliteDatabase;
import io.github.ubiqlite.java.UbiqliteOptions;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

public final class Example {
    private Example() {}

    public static void main(String[] args) {
        UbiqliteOptions options = UbiqliteOptions.builder().busyTimeout(Duration.ofSeconds(2)).build();
        UbiqliteDatabase db = UbiqliteDatabase.open(args[0], options).join();

        db.batch("CREATE TABLE IF NOT EXISTS accounts (name TEXT PRIMARY KEY, balance INTEGER CHECK (balance >= 0))")
            .thenCompose(done -> db.table("accounts").upsert(Map.of("name", "ann", "balance", 100)))
            .thenCompose(done -> db.table("accounts").upsert(Map.of("name", "bob", "balance", 0)))
            .thenCompose(done -> move(db, "ann", "bob", 30))
            .thenAccept(left -> System.out.println("ann has " + left))
            .join();

        move(db, "ann", "bob", 1000).handle((left, error) -> {
            if (error instanceof UbiqliteException.CheckViolation) System.out.println("refused, and undone");
            return null;
        }).join();

        db.stream("SELECT * FROM accounts ORDER BY name")
            .forEach(row -> System.out.println(row.getString("name") + ": " + row.getLong("balance")))
            .join();

        db.close().join();
    }

    /** Moves an amount in one transaction, and gives what is left. */
    static CompletableFuture<Long> move(UbiqliteDatabase db, String from, String to, int amount) {
        String sql = "UPDATE accounts SET balance = balance + ? WHERE name = ?";
        return db.transaction(tx -> tx.execute(sql, amount, to)
            .thenCompose(done -> tx.execute(sql, -amount, from))
            .thenCompose(done -> tx.queryValue(Long.class, "SELECT balance FROM accounts WHERE name = ?", from)));
    }
}
