export interface AskAgainOptions {
  readonly everyMs: number
  /** How long somebody has to answer, in milliseconds. */
  readonly patienceMs: number
  /** What to reject with when nobody has answered. */
  readonly silence: () => Error
}

/**
 * Calls `ask` at once and every `everyMs` until `answered` is called, with what it is called with. A datagram that is lost causes no event,
 * so only time shows that it has to be sent again.
 */
export async function askAgain<T>(
  ask: () => void,
  { everyMs, patienceMs, silence }: AskAgainOptions,
  listen: (answered: (answer: T) => void) => void,
): Promise<T> {
  const repetition = setInterval(ask, everyMs)
  let patience: NodeJS.Timeout | undefined
  try {
    return await new Promise<T>((resolve, reject) => {
      listen(resolve)
      patience = setTimeout(() => reject(silence()), patienceMs)
      ask()
    })
  } finally {
    clearInterval(repetition)
    clearTimeout(patience)
  }
}
