/** What is in a chart, by the names that it is written with. */

/** A state, such as `accepting.helping`. */
export function stateName(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  const [[parent, child] = ['', '']] = Object.entries(value as Record<string, unknown>)
  return `${parent}.${stateName(child)}`
}

/** The delay of a timer: `askInterval` for `xstate.after.askInterval.client.asking.asked`. */
export function delayName(timerId: string): string {
  return timerId.split('.')[2] ?? timerId
}
