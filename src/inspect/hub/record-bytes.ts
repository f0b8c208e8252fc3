import { heldBytes } from '../../core/json.ts'
import { memoByIdentity } from '../../core/memo.ts'

/** A larger record, in bytes of memory, is refused. A server of this project leaves out larger records itself. */
export const mostRecordBytes = 4 * 1024 * 1024

/**
 * About how many bytes of memory a record takes, measured once for each record, because several holders ask. Small objects take many
 * times their JSON.
 */
export const recordBytes = memoByIdentity<object, number>(heldBytes)
