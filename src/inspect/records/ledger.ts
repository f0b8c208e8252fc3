/** Instances by servers: what each one promised, accepted, learned and executed, as far as the records tell. */
import { type Ballot, compareBallots, sameBallot } from '../../../machines/ballot.ts'
import type { AcceptedRecord, Batch, Instance, Json, NodeId, Request } from '../../../machines/batch.ts'
import type { Execution, RequestOutcome } from '../../../machines/outcome.ts'
import type { DurableState } from '../../core/durable.ts'
import type { Fact } from '../../core/facts.ts'
import type { KeyframeRecord, StepRecord } from './record.ts'
import { isAcceptedRecord, isRequest } from './record-fault.ts'

/** Rows that are kept: of the latest instances. */
export const keptRows = 60

export interface Ledger {
  /** In order of instance. */
  readonly rows: readonly LedgerRow[]
}

export interface LedgerRow {
  readonly instance: Instance
  /** What was chosen; `null` while nobody is known to have executed it. */
  readonly chosen: ShownBatch | null
  /** How its requests ended, the same on every server, the first of them; `null` while nobody is known to have executed it. */
  readonly outcomes: readonly RequestOutcome[] | null
  readonly cells: Readonly<Record<NodeId, LedgerCell>>
}

/** A batch, with the first of its requests. */
export interface ShownBatch {
  readonly requests: readonly Request[]
  readonly more: number
}

export interface LedgerCell {
  /** At which ballot this server accepted something here, and what; `null` when it did not, or it is not known. */
  readonly accepted: {
    readonly ballot: Ballot
    readonly batch: ShownBatch | null
    /** It survives a crash, and may be spoken of. */
    readonly isSynced: boolean
  } | null
  /** It knows what was chosen. */
  readonly isChosen: boolean
  readonly isExecuted: boolean
}

export const nothingInLedger: Ledger = { rows: [] }

const emptyCell: LedgerCell = { accepted: null, isChosen: false, isExecuted: false }

/** Requests of a batch that are shown. */
const shownRequests = 4

/** A request may end others too: one that cancels, one that says what its client needs no more. */
const shownOutcomes = 2 * shownRequests

/** The ledger after a record of server `node`. */
export function ledgerAfter(ledger: Ledger, node: NodeId, record: StepRecord | KeyframeRecord): Ledger {
  if (record.kind === 'keyframe') {
    const { durable, firstUnexecuted, roles } = record
    const begun = begunFrom(ledger, node, durable)
    return inMemory(executedBelow(begun, node, firstUnexecuted), node, roles.acceptor.context)
  }
  const known = record.facts.reduce((before, fact) => factTaken(before, node, fact), ledger)
  const { acceptor } = record.roles
  return acceptor === undefined ? known : inMemory(known, node, acceptor.context)
}

/** The ledger when the server is gone: with it went what it had accepted and not synced. */
export function ledgerWithoutMemory(ledger: Ledger, node: NodeId): Ledger {
  return changed(ledger, node, (cell) =>
    cell.accepted === null || cell.accepted.isSynced ? cell : { ...cell, accepted: null },
  )
}

/** The ledger when the server came back with another, empty disk: nothing that it said before is known to it. */
export function ledgerWithout(ledger: Ledger, node: NodeId): Ledger {
  return changed(ledger, node, () => emptyCell)
}

/** A batch, cut to what is shown of it. */
function shownBatch({ requests }: Pick<Batch, 'requests'>): ShownBatch {
  return {
    requests: requests.slice(0, shownRequests),
    more: Math.max(0, requests.length - shownRequests),
  }
}

/** What is to be shown for a row: what was chosen, or else what was accepted at the highest ballot. */
export function batchOf({ chosen, cells }: LedgerRow): ShownBatch | null {
  if (chosen !== null) return chosen
  const accepted = Object.values(cells).flatMap((cell) => (cell.accepted === null ? [] : [cell.accepted]))
  const highest = accepted
    .filter(({ batch }) => batch !== null)
    .reduce<(typeof accepted)[number] | null>(
      (best, other) => (best === null || compareBallots(other.ballot, best.ballot) > 0 ? other : best),
      null,
    )
  return highest?.batch ?? null
}

/** What is to be said of one request in a row. */
export interface Ending {
  /** `null`: it was not in the batch, and ended by what was. */
  readonly request: Request | null
  readonly uid: string
  readonly seq: number
  /** `null`: not known, or not yet. */
  readonly outcome: RequestOutcome['outcome'] | null
}

/** The requests of a row's batch with what became of them, then those that ended by them. */
export function endingsOf(row: LedgerRow): readonly Ending[] {
  const outcomes = row.outcomes ?? []
  const requests = batchOf(row)?.requests ?? []
  const inBatch = requests.map((request) => ({
    request,
    uid: request.uid,
    seq: request.seq,
    outcome: outcomes.findLast((other) => isSameRequest(other, request))?.outcome ?? null,
  }))
  const others = outcomes.filter((other) => requests.every((request) => !isSameRequest(other, request)))
  const isCut = (batchOf(row)?.more ?? 0) > 0
  return isCut ? inBatch : [...inBatch, ...others.map((other) => ({ request: null, ...other }))]
}

type Named = Pick<Request, 'uid' | 'seq'>

function isSameRequest(a: Named, b: Named): boolean {
  return a.uid === b.uid && a.seq === b.seq
}

function factTaken(ledger: Ledger, node: NodeId, fact: Fact): Ledger {
  switch (fact.type) {
    case 'started':
      return begunFrom(ledger, node, fact.durable)
    case 'synced': {
      const { accepted, firstUnchosen } = fact.durable
      return chosenBelow(acceptedTaken(ledger, node, accepted, true), node, firstUnchosen)
    }
    case 'said': {
      const { message } = fact
      if (message.type !== 'accepted') return ledger
      return withCell(ledger, message.instance, node, (cell) => {
        const isKnown = cell.accepted !== null && sameBallot(cell.accepted.ballot, message.ballot)
        if (isKnown && cell.accepted?.isSynced) return cell
        const batch = isKnown ? (cell.accepted?.batch ?? null) : null
        return { ...cell, accepted: { ballot: message.ballot, batch, isSynced: true } }
      })
    }
    case 'executed':
      return executed(ledger, node, fact.batch, fact.execution)
    case 'crashed':
      return ledgerWithoutMemory(ledger, node)
    case 'requested':
    case 'responded':
      return ledger
  }
  fact satisfies never
}

/** A run begins with what is on the disk: what was only in memory, and what a write did not bring there, is not accepted. */
function begunFrom(ledger: Ledger, node: NodeId, { accepted, firstUnchosen }: DurableState): Ledger {
  const without = changed(ledger, node, (cell, instance) =>
    cell.accepted !== null && instance >= firstUnchosen ? { ...cell, accepted: null } : cell,
  )
  return chosenBelow(acceptedTaken(without, node, accepted, true), node, firstUnchosen)
}

/** What is accepted in the acceptor's memory and is not known to be synced is on its way to the disk. */
function inMemory(ledger: Ledger, node: NodeId, context: Json): Ledger {
  return acceptedTaken(ledger, node, acceptedIn(context), false)
}

/** A context is cut short where it is long, and comes over the network: what has not the shape is passed over. */
function acceptedIn(context: Json): readonly AcceptedRecord[] {
  if (context === null || typeof context !== 'object' || !('accepted' in context)) return []
  const { accepted } = context
  if (!Array.isArray(accepted)) return []
  return accepted.flatMap((item) => {
    const { batch, ...where } = (item ?? {}) as unknown as AcceptedRecord
    if (!Array.isArray(batch?.requests)) return []
    const requests = batch.requests.filter(isRequest)
    const record = { ...where, batch: { ...batch, requests } }
    return isAcceptedRecord(record) ? [record] : []
  })
}

/** Within a run, the ballot at which something is accepted in an instance only grows: what is lower is older. */
function acceptedTaken(
  ledger: Ledger,
  node: NodeId,
  records: readonly AcceptedRecord[],
  isSynced: boolean,
): Ledger {
  return records.reduce(
    (known, { instance, ballot, batch }) =>
      withCell(known, instance, node, (cell) => {
        const before = cell.accepted
        const order = before === null ? 1 : compareBallots(ballot, before.ballot)
        if (order < 0) return cell
        if (order > 0) return { ...cell, accepted: { ballot, batch: shownBatch(batch), isSynced } }
        if (before === null || (before.batch !== null && (before.isSynced || !isSynced))) return cell
        const shown = before.batch ?? shownBatch(batch)
        return { ...cell, accepted: { ballot, batch: shown, isSynced: before.isSynced || isSynced } }
      }),
    ledger,
  )
}

function executed(ledger: Ledger, node: NodeId, batch: Batch, { instance, outcomes }: Execution): Ledger {
  return withRow(ledger, instance, (row) => ({
    ...row,
    chosen: row.chosen ?? shownBatch(batch),
    outcomes: row.outcomes ?? outcomes.slice(0, shownOutcomes),
    cells: {
      ...row.cells,
      [node]: { ...(row.cells[node] ?? emptyCell), isChosen: true, isExecuted: true },
    },
  }))
}

/** What a server knows to be chosen, in the rows that there are. */
function chosenBelow(ledger: Ledger, node: NodeId, firstUnchosen: Instance): Ledger {
  return changedBelow(ledger, node, firstUnchosen, (cell) =>
    cell.isChosen ? cell : { ...cell, isChosen: true },
  )
}

function executedBelow(ledger: Ledger, node: NodeId, firstUnexecuted: Instance): Ledger {
  return changedBelow(ledger, node, firstUnexecuted, (cell) =>
    cell.isExecuted ? cell : { ...cell, isChosen: true, isExecuted: true },
  )
}

function changedBelow(
  ledger: Ledger,
  node: NodeId,
  below: Instance,
  change: (cell: LedgerCell) => LedgerCell,
): Ledger {
  let rows: LedgerRow[] | null = null
  // From the latest down: what is old has been changed before.
  for (let place = ledger.rows.length - 1; place >= 0; place -= 1) {
    const row = ledger.rows[place]
    if (row === undefined || row.instance >= below) continue
    const before = row.cells[node] ?? emptyCell
    const after = change(before)
    if (after === before) continue
    rows ??= [...ledger.rows]
    rows[place] = { ...row, cells: { ...row.cells, [node]: after } }
  }
  return rows === null ? ledger : { rows }
}

/** With other cells of a server, of those that there are. */
function changed(
  ledger: Ledger,
  node: NodeId,
  change: (cell: LedgerCell, instance: Instance) => LedgerCell,
): Ledger {
  const rows = ledger.rows.map((row) => {
    const before = row.cells[node]
    if (before === undefined) return row
    const after = change(before, row.instance)
    return after === before ? row : { ...row, cells: { ...row.cells, [node]: after } }
  })
  return rows.some((row, place) => row !== ledger.rows[place]) ? { rows } : ledger
}

function withCell(
  ledger: Ledger,
  instance: Instance,
  node: NodeId,
  change: (cell: LedgerCell) => LedgerCell,
): Ledger {
  return withRow(ledger, instance, (row) => {
    const before = row.cells[node] ?? emptyCell
    const after = change(before)
    return after === before ? row : { ...row, cells: { ...row.cells, [node]: after } }
  })
}

function withRow(ledger: Ledger, instance: Instance, change: (row: LedgerRow) => LedgerRow): Ledger {
  const { rows } = ledger
  // What happens, happens to the latest.
  const place = rows.findLastIndex((row) => row.instance <= instance)
  const row = rows[place]
  if (row !== undefined && row.instance === instance) {
    const after = change(row)
    return after === row ? ledger : { rows: rows.with(place, after) }
  }
  if (rows.length === keptRows && place === -1) return ledger
  const added = change({ instance, chosen: null, outcomes: null, cells: {} })
  return { rows: rows.toSpliced(place + 1, 0, added).slice(-keptRows) }
}
