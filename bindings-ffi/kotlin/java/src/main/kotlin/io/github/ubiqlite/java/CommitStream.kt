package io.github.ubiqlite.java

import io.github.ubiqlite.CommitEvent
import java.util.concurrent.CompletableFuture
import java.util.concurrent.Flow
import java.util.function.Consumer
import kotlinx.coroutines.flow.Flow as SuspendingFlow

/**
 * What each commit has changed. Each [forEach] and each [subscribe] is a feed of its own, which
 * ends normally when the database is closed. Events are delivered on the executor, one at a time.
 * Whoever is late gets the commits since the last 31 in one event.
 *
 * ```java
 * CompletableFuture<Void> following = db.commits("items").forEach(commit -> refresh(commit.getTables()));
 * following.cancel(false);                         // ends the feed
 * ```
 */
public class CommitStream internal constructor(
    private val events: SuspendingFlow<CommitEvent>,
    private val caller: Caller,
) : Flow.Publisher<CommitEvent> {
    /**
     * Passes every event to [action]; the future completes when the database is closed. If [action]
     * throws, the feed ends and the future fails with that; cancelling the future ends the feed.
     */
    public fun forEach(action: Consumer<in CommitEvent>): CompletableFuture<Void?> =
        caller.workOff { events.collect { action.accept(it) } }

    /** Delivers an event for each one that the subscriber requests. The feed begins with the first request. */
    override fun subscribe(subscriber: Flow.Subscriber<in CommitEvent>) {
        Subscription(events, subscriber, fresh = true).start(caller)
    }
}
