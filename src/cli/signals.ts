import { signalExitCodes } from './exit-codes.ts'

export type StopSignal = keyof typeof signalExitCodes

const stopSignals = Object.keys(signalExitCodes) as StopSignal[]

/**
 * Signals within this time count as one, in milliseconds. A program under `npm start` receives a single Ctrl-C twice, from the
 * terminal and from npm. When its terminal closes, it may receive both SIGHUP and SIGTERM.
 */
const oneSignalMs = 500

/**
 * Calls `stop` at the first SIGINT, SIGTERM or SIGHUP. A later signal ends the process at once. Returns a function that removes
 * the handlers.
 */
export function onStopSignal(stop: (signal: StopSignal) => void): () => void {
  let firstAtMs: number | null = null
  const onSignal = (signal: StopSignal) => {
    const nowMs = performance.now()
    if (firstAtMs === null) {
      firstAtMs = nowMs
      stop(signal)
    } else if (nowMs - firstAtMs > oneSignalMs) process.exit(signalExitCodes[signal])
  }
  for (const signal of stopSignals) process.on(signal, onSignal)
  return () => {
    for (const signal of stopSignals) process.off(signal, onSignal)
  }
}

/** Keeps SIGINT, SIGTERM and SIGHUP from ending the process. `first` returns the first one that arrived, `null` for none. */
export function holdStopSignals(): { first(): StopSignal | null; release(): void } {
  let first: StopSignal | null = null
  const onSignal = (signal: StopSignal) => {
    first ??= signal
  }
  for (const signal of stopSignals) process.on(signal, onSignal)
  return {
    first: () => first,
    release: () => {
      for (const signal of stopSignals) process.off(signal, onSignal)
    },
  }
}
