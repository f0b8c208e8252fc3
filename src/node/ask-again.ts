export interface AskAgainOptions {
  readonly everyMs: number
  /** How long to wait for an answer, in milliseconds. */
  readonly patienceMs: number
  /** Creates the error for the case that no answer arrives in time. */
  readonly silence: () => Error
}

/**
 * Calls `ask` at once, and then every `everyMs` until `answered` is called; resolves with the answer. A lost datagram causes no
 * event, so only a timer can trigger the repetition.
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
