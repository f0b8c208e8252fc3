import { signalExitCodes } from './exit-codes.ts'

export type StopSignal = keyof typeof signalExitCodes

/**
 * Signals this close together are one wish: of a single Ctrl-C, a program run by `npm start` hears twice, from the terminal
 * and from npm, which passes it on.
 */
const sameWishMs = 500

/** Calls `stop` at the first SIGINT or SIGTERM; a later one ends the process at once. Returns how to hear no more. */
export function onStopSignal(stop: (signal: StopSignal) => void): () => void {
  let firstAtMs: number | null = null
  const hear = (signal: StopSignal) => {
    const nowMs = performance.now()
    if (firstAtMs === null) {
      firstAtMs = nowMs
      stop(signal)
    } else if (nowMs - firstAtMs > sameWishMs) process.exit(signalExitCodes[signal])
  }
  process.on('SIGINT', hear)
  process.on('SIGTERM', hear)
  return () => {
    process.off('SIGINT', hear)
    process.off('SIGTERM', hear)
  }
}
