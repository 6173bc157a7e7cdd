/** Returns whether the statement was refused since it changes the connection that it runs on. @internal */
export function needsSession(error: unknown): boolean {
  const { kind, message } = error as { kind?: string; message: string };
  return kind === 'InvalidArgument' && message.includes('acquire()');
}
