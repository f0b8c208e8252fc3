/**
 * The rows of the ledger for display: with the knowledge of each server by its heads, and with the instances that have no record.
 */
import type { Instance } from '../../machines/batch.ts'
import { keptRows, type Ledger, type LedgerRow } from '../../src/inspect/records/ledger.ts'
import type { ServerPicture } from '../../src/inspect/records/picture.ts'
import { isMissing } from './heads.ts'

/**
 * What a server knows of an instance. `unknown`: it left out records since, and may have accepted a batch. `nothing`: it accepted
 * nothing, and does not know the chosen batch.
 */
export type Knows = 'executed' | 'chosen' | 'nothing' | 'unknown'

export type ShownRow =
  | { readonly kind: 'row'; readonly row: LedgerRow; readonly knows: readonly Knows[] }
  /** No record of these instances is kept, or none was received. */
  | { readonly kind: 'gap'; readonly from: Instance; readonly to: Instance }

/** The newest row first. `knows` is in the order of the servers. */
export function shownRows({ rows }: Ledger, servers: readonly ServerPicture[]): readonly ShownRow[] {
  const shown: ShownRow[] = []
  let expected = 1 + Math.max(-1, ...servers.map(({ heads }) => highestKnown(heads)))
  for (const row of rows.toReversed()) {
    if (row.instance < expected - 1) {
      shown.push({ kind: 'gap', from: row.instance + 1, to: expected - 1 })
    }
    shown.push({ kind: 'row', row, knows: servers.map((server) => knowsOf(server, row)) })
    expected = row.instance
  }
  // When there is room for more rows, the earlier ones are not known.
  if (rows.length < keptRows && expected > 0) shown.push({ kind: 'gap', from: 0, to: expected - 1 })
  return shown
}

/** The highest instance that is known to be chosen. */
function highestKnown({ firstUnchosen, firstUnexecuted }: ServerPicture['heads']): Instance {
  return Math.max(firstUnchosen ?? 0, firstUnexecuted) - 1
}

function knowsOf(server: ServerPicture, { instance, cells }: LedgerRow): Knows {
  const { heads, node } = server
  const cell = cells[node]
  if (cell?.isExecuted || instance < heads.firstUnexecuted) return 'executed'
  if (cell?.isChosen || instance < (heads.firstUnchosen ?? 0)) return 'chosen'
  return isMissing(server) && cell?.accepted == null ? 'unknown' : 'nothing'
}
