/** What every call takes as its last argument. */
export interface CallOptions {
  /** Gives the call up: it rejects at once with a CancelledError whose `cause` is the signal's reason. */
  signal?: AbortSignal;
  /** How long the call may take, in milliseconds; then it rejects with a TimeoutError. Default: no limit. */
  timeout?: number;
}

/** The options of a call over those of its handle. @internal */
export function merged(defaults: CallOptions, own: CallOptions | undefined): CallOptions {
  if (own === undefined) return defaults;
  return { signal: own.signal ?? defaults.signal, timeout: own.timeout ?? defaults.timeout };
}
