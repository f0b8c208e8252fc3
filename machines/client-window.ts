/**
 * The window of a session: the most requests that it asks at a time. The window follows the answers, so that a client with many
 * requests neither overflows the buffers of sockets nor occupies a server alone.
 */

export const initialWindow = 64
export const smallestWindow = 16
export const largestWindow = 1_024

/** The bytes of commands for each request of the window. */
const bytesPerRequest = 1_024

/** The window after a number of answers. */
export function grownWindow(window: number, answers: number): number {
  return Math.min(largestWindow, window + answers)
}

/** The window after a sign that the server receives too much: silence, or `busy`. */
export function halvedWindow(window: number): number {
  return Math.max(smallestWindow, window >> 1)
}

/** A number of requests and the bytes of their commands. */
export interface Load {
  readonly count: number
  readonly bytes: number
}

/** True when a request of `bytes` fits beside the asked ones. Any request may be asked alone. */
export function fitsWindow(window: number, asked: Load, bytes: number): boolean {
  return asked.count === 0 || (asked.count < window && asked.bytes + bytes <= window * bytesPerRequest)
}
