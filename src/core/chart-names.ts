/** The names of states and delays, as the source of a chart writes them. */

/** The name of a state value, such as `accepting.helping`. */
export function stateName(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  const [[parent, child] = ['', '']] = Object.entries(value as Record<string, unknown>)
  return `${parent}.${stateName(child)}`
}

/** The name of a timer's delay: `askInterval` for `xstate.after.askInterval.client.asking`. */
export function delayName(timerId: string): string {
  return timerId.split('.')[2] ?? timerId
}
