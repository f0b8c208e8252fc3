/** A server cannot start: one clear line that says what was wrong, with which value, and what to do. */
export class StartError extends Error {
  override readonly name = 'StartError'
}
