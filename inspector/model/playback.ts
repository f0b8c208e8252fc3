/** How playing goes on: records by the second, whatever the time between two frames. */

/** Records a second that can be chosen. */
export const speeds: readonly number[] = [1, 2, 5, 20, 100]

/** Records a second, until another speed is chosen. */
export const usualSpeed = 5

/** When time was last taken, and the part of a record that was due then. */
export interface Playback {
  readonly lastMs: number
  readonly owed: number
}

/** Longer than this between two frames, and the page was hidden: that time does not count. */
const longestFrameMs = 1_000

/** Begins at `nowMs`. */
export function startPlayback(nowMs: number): Playback {
  return { lastMs: nowMs, owed: 0 }
}

/** How many records are due at `nowMs` when so many are played a second, and the playback from then on. */
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
