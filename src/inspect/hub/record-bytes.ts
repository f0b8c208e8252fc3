import { heldBytes } from '../../core/json.ts'

/** A record that takes more in memory is refused: a server that is no stranger leaves out what is larger. */
export const mostRecordBytes = 4 * 1024 * 1024

/** By identity, since a record is measured wherever it is kept. */
const measured = new WeakMap<object, number>()

/** What a record takes in memory, about, in bytes: of small objects many times its JSON. */
export function recordBytes(record: object): number {
  const known = measured.get(record)
  if (known !== undefined) return known
  const bytes = heldBytes(record)
  measured.set(record, bytes)
  return bytes
}
