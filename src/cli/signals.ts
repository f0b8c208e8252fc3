import { signalExitCodes } from './exit-codes.ts'

export type StopSignal = keyof typeof signalExitCodes

const stopSignals = Object.keys(signalExitCodes) as StopSignal[]

/** The signals that a command of the user receives through this program. */
export const forwardedSignals: readonly NodeJS.Signals[] = [...stopSignals, 'SIGUSR1', 'SIGUSR2']

/**
 * Signals within this time count as one, in milliseconds. A program under `npm start` receives a single Ctrl-C twice, from the
 * terminal and from npm. When its terminal closes, it may receive both SIGHUP and SIGTERM.
 */
const oneSignalMs = 500

/** Calls `handle` for each of `signals`, which then have no other effect. Returns a function that removes the handlers. */
export function onSignals<S extends NodeJS.Signals>(
  signals: readonly S[],
  handle: (signal: S) => void,
): () => void {
  for (const signal of signals) process.on(signal, handle)
  return () => {
    for (const signal of signals) process.off(signal, handle)
  }
}

/**
 * Calls `stop` at the first signal that asks to stop (Ctrl-C for example), and `again` at each later one: it ends the process at
 * once unless the caller gives another. Returns a function that removes the handlers.
 */
export function onStopSignal(
  stop: (signal: StopSignal) => void,
  again: (signal: StopSignal) => void = (signal) => process.exit(signalExitCodes[signal]),
): () => void {
  let firstAtMs: number | null = null
  return onSignals(stopSignals, (signal) => {
    const nowMs = performance.now()
    if (firstAtMs === null) {
      firstAtMs = nowMs
      stop(signal)
    } else if (nowMs - firstAtMs > oneSignalMs) again(signal)
  })
}

/** Keeps the forwarded signals from ending the process. `firstStop` returns the first one that asked to stop, `null` for none. */
export function holdSignals(): { firstStop(): StopSignal | null; release(): void } {
  let first: StopSignal | null = null
  const release = onSignals(forwardedSignals, (signal) => {
    if (isStopSignal(signal)) first ??= signal
  })
  return { firstStop: () => first, release }
}

function isStopSignal(signal: NodeJS.Signals): signal is StopSignal {
  return signal in signalExitCodes
}
