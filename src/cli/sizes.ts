/** Sizes as text, in the units that the options of `paxos` read. */

/** The units of a size, in bytes, the largest first. */
export const sizeUnits = { TiB: 2 ** 40, GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10 } as const

/** A size in bytes, and from 1 KiB on also in its largest unit: `284 bytes`, `1536 bytes (1.5KiB)`, `1073741824 bytes (1GiB)`. */
export function formatSize(bytes: number): string {
  const text = bytes === 1 ? '1 byte' : `${bytes} bytes`
  const unit = Object.entries(sizeUnits).find(([, unitBytes]) => bytes >= unitBytes)
  if (unit === undefined) return text
  const [name, unitBytes] = unit
  return `${text} (${Math.round((10 * bytes) / unitBytes) / 10}${name})`
}
