import { signalExitCodes } from './exit-codes.ts'

export type StopSignal = keyof typeof signalExitCodes

const stopSignals = Object.keys(signalExitCodes) as StopSignal[]

/**
 * Signals this close together are one wish: of a single Ctrl-C, a program run by `npm start` hears twice, from the terminal
 * and from npm, which passes it on; and of a terminal that closes, it may hear both SIGHUP and SIGTERM.
 */
const sameWishMs = 500

/**
 * Calls `stop` at the first SIGINT, SIGTERM or SIGHUP (its terminal is gone); a later one ends the process at once. Returns how
 * to hear no more.
 */
export function onStopSignal(stop: (signal: StopSignal) => void): () => void {
  let firstAtMs: number | null = null
  const hear = (signal: StopSignal) => {
    const nowMs = performance.now()
    if (firstAtMs === null) {
      firstAtMs = nowMs
      stop(signal)
    } else if (nowMs - firstAtMs > sameWishMs) process.exit(signalExitCodes[signal])
  }
  for (const signal of stopSignals) process.on(signal, hear)
  return () => {
    for (const signal of stopSignals) process.off(signal, hear)
  }
}
