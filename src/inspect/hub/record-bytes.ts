import { heldBytes } from '../../core/json.ts'

/** A larger record, in bytes of memory, is refused. A server of this project leaves out larger records itself. */
export const mostRecordBytes = 4 * 1024 * 1024

/** By identity, because several holders measure the same record. */
const measured = new WeakMap<object, number>()

/** About how many bytes of memory a record takes. Small objects take many times their JSON. */
export function recordBytes(record: object): number {
  const known = measured.get(record)
  if (known !== undefined) return known
  const bytes = heldBytes(record)
  measured.set(record, bytes)
  return bytes
}
