/** Durations as text, as the options of `paxos` read them. */

/** The units of a duration, in milliseconds, the largest first. */
export const units = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const

/** A duration in its largest two units: `2h5m`, `1m30s`, `12s`, `2.5s` below ten seconds, `250ms` below one. */
export function formatDuration(ms: number): string {
  const whole = Math.max(0, Math.round(ms))
  if (whole < units.s) return `${whole}ms`
  if (whole < 10 * units.s) return `${Math.round(whole / 100) / 10}s`
  const rounded =
    whole < units.h ? Math.round(whole / units.s) * units.s : Math.round(whole / units.m) * units.m
  const parts = {
    h: Math.floor(rounded / units.h),
    m: Math.floor((rounded % units.h) / units.m),
    s: (rounded % units.m) / units.s,
  }
  return Object.entries(parts)
    .map(([unit, count]) => (count === 0 ? '' : `${count}${unit}`))
    .join('')
}
