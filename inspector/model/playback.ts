/** Playback: shows a fixed number of records a second, independent of the frame rate. */

/** The playback speeds that can be chosen, in records a second. */
export const speeds: readonly number[] = [1, 2, 5, 20, 100]

/** The default speed, in records a second. */
export const usualSpeed = 5

/** The time of the last advance, and the fraction of a record that was due then. */
export interface Playback {
  readonly lastMs: number
  readonly owed: number
}

/** A longer interval between two frames means that the page was hidden. That time does not count. */
const longestFrameMs = 1_000

/** Starts playback at `nowMs`. */
export function startPlayback(nowMs: number): Playback {
  return { lastMs: nowMs, owed: 0 }
}

/** The number of records that are due at `nowMs`, and the playback after them. */
export function advancePlayback(
  { lastMs, owed }: Playback,
  nowMs: number,
  perSecond: number,
): { readonly steps: number; readonly playback: Playback } {
  const passedMs = Math.min(Math.max(0, nowMs - lastMs), longestFrameMs)
  const due = owed + (passedMs * perSecond) / 1_000
  const steps = Math.floor(due)
  return { steps, playback: { lastMs: nowMs, owed: due - steps } }
}
