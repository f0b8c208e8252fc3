/**
 * What services of a composition threw while the others changed their state. The change of the whole stands, so the error cannot be
 * thrown; the host reads it here and reports it.
 */
const faultsByChange = new WeakMap<object, readonly unknown[]>()

/** Returns `change`, and remembers the thrown `faults` with it. */
export function withFaults<T extends object>(change: T, faults: readonly unknown[]): T {
  if (faults.length > 0) faultsByChange.set(change, faults)
  return change
}

/** The faults that came with `change`, which any value may be. */
export function faultsOf(change: unknown): readonly unknown[] {
  return (typeof change === 'object' && change !== null && faultsByChange.get(change)) || []
}
