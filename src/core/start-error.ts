/** A server cannot start. The message is one line: what was wrong, the value, and what to do. */
export class StartError extends Error {
  override readonly name = 'StartError'
}
