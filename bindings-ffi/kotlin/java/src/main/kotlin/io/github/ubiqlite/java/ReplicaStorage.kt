package io.github.ubiqlite.java

import java.nio.ByteBuffer
import java.util.concurrent.CompletionStage
import java.util.concurrent.Flow
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.future.await
import io.github.ubiqlite.ReplicaStorage as SuspendingStorage
import kotlinx.coroutines.flow.Flow as SuspendingFlow

/**
 * Where the files of a replica are kept, if that is no folder: an object store, for example. A program
 * writes its own.
 *
 * The names are as `ltx/0/0000000000000002-0000000000000007.ltx`, and `ubiqlite.owner`, which says whose the
 * storage is: a second replica of the process is refused (`Busy`), and one of another process takes it over,
 * after which the first ends. What a method throws, or its stage fails with, is told by [Replica.state], and is
 * tried again later; it never concerns those who write to the database. One method at a time is called for a
 * replica, on threads of the library's that may be blocked, except that a file of which only the beginning was
 * wanted may still be closing. While a stage never completes, the replica waits, until [Replica.stop] or
 * [UbiqliteDatabase.close] has waited for the close timeout; it has ended then, and a `CompletableFuture` is
 * cancelled. A database with such a replica is not closed by being forgotten.
 *
 * ```java
 * class Bucket implements ReplicaStorage {
 *     private final URI place;
 *     private final HttpClient http = HttpClient.newHttpClient();
 *
 *     public CompletionStage<?> put(String name, ByteStream content) {
 *         var request = HttpRequest.newBuilder(place.resolve(name)).PUT(BodyPublishers.fromPublisher(content)).build();
 *         return http.sendAsync(request, BodyHandlers.discarding()).thenAccept(reply -> stored(reply));
 *     }
 *     // list, get and remove
 * }
 * ```
 */
public interface ReplicaStorage {
    /**
     * Stores a file, in place of one that has the name: whole and lasting once the stage completes. It reads
     * the content to its end, or fails. A file with all pages of a large database is large, too: its content
     * may be passed on as it comes, in buffers of 256 KiB at most.
     */
    public fun put(name: String, content: ByteStream): CompletionStage<*>

    /** Returns the names of all files; there may be others among them. */
    public fun list(): CompletionStage<out Collection<String>>

    /**
     * Returns the content of a file; a stage of null if there is none of that name. It is read once, perhaps
     * not to its end. `HttpRequest.BodyPublishers` has publishers of byte arrays, files and input streams.
     */
    public fun get(name: String): CompletionStage<out Flow.Publisher<ByteBuffer>?>

    /** Removes a file, if there is one. */
    public fun remove(name: String): CompletionStage<*>
}

/** Calls a storage that is written in Java. */
internal class JavaStorage(private val storage: ReplicaStorage, private val caller: Caller) : SuspendingStorage {
    override suspend fun put(name: String, content: SuspendingFlow<ByteArray>) {
        storage.put(name, ByteStream(content, caller)).await()
    }

    override suspend fun list(): List<String> = storage.list().await().toList()

    override suspend fun get(name: String): SuspendingFlow<ByteArray>? = storage.get(name).await()?.let(::bytesOf)

    override suspend fun remove(name: String) {
        storage.remove(name).await()
    }
}

/** Returns what a publisher delivers. One buffer at a time is requested. */
private fun bytesOf(publisher: Flow.Publisher<ByteBuffer>): SuspendingFlow<ByteArray> = flow {
    val buffers = Channel<ByteArray>(Channel.UNLIMITED)
    val subscribed = CompletableDeferred<Flow.Subscription>()
    publisher.subscribe(object : Flow.Subscriber<ByteBuffer> {
        override fun onSubscribe(subscription: Flow.Subscription) {
            if (!subscribed.complete(subscription)) subscription.cancel()
        }

        override fun onNext(buffer: ByteBuffer) {
            buffers.trySend(ByteArray(buffer.remaining()).also(buffer::get))
        }

        override fun onError(error: Throwable) {
            buffers.close(error)
        }

        override fun onComplete() {
            buffers.close()
        }
    })
    val subscription = subscribed.await()
    try {
        subscription.request(1)
        for (bytes in buffers) {
            emit(bytes)
            subscription.request(1)
        }
    } finally {
        subscription.cancel()
    }
}
