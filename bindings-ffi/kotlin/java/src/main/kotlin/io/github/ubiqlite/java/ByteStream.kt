package io.github.ubiqlite.java

import java.nio.ByteBuffer
import java.util.concurrent.CompletableFuture
import java.util.concurrent.Flow
import java.util.function.Consumer
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.Flow as SuspendingFlow

/**
 * Bytes, in order. They are delivered on the executor, one buffer at a time.
 *
 * ```java
 * var body = HttpRequest.BodyPublishers.fromPublisher(db.backupStream());   // an upload, with back pressure
 * db.backupStream().forEach(buffer -> digest.update(buffer)).get();
 * ```
 */
public open class ByteStream internal constructor(
    bytes: SuspendingFlow<ByteArray>,
    private val caller: Caller,
) : Flow.Publisher<ByteBuffer> {
    private val buffers = bytes.map { ByteBuffer.wrap(it) }

    /**
     * Passes all bytes to [action], whose buffers are its own; the future completes after the last.
     * If [action] throws, the future fails with that; that, and cancelling the future, ends the stream.
     */
    public fun forEach(action: Consumer<in ByteBuffer>): CompletableFuture<Void?> =
        caller.workOff { buffers.collect { action.accept(it) } }

    /** Delivers a buffer for each one that the subscriber requests. Nothing is read before the first request. */
    override fun subscribe(subscriber: Flow.Subscriber<in ByteBuffer>) {
        Subscription(buffers, subscriber).start(caller)
    }
}

/**
 * The bytes of a copy of a database, from [UbiqliteDatabase.backupStream]. Each [forEach] and each
 * [subscribe] is a copy of its own, which begins when its bytes are asked for.
 */
public class BackupStream internal constructor(bytes: SuspendingFlow<ByteArray>, caller: Caller) : ByteStream(bytes, caller)
