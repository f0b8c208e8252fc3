/** The ledger: what each server promised, accepted, learned and executed in each instance, according to the records. */
import { type Ballot, compareBallots, sameBallot } from '../../../machines/ballot.ts'
import {
  type AcceptedRecord,
  type Batch,
  type Instance,
  type Json,
  type NamedRequest,
  type NodeId,
  namedRequests,
} from '../../../machines/batch.ts'
import type { Execution, RequestOutcome } from '../../../machines/outcome.ts'
import type { DurableState } from '../../core/durable.ts'
import type { Fact } from '../../core/facts.ts'
import type { KeyframeRecord, StepRecord } from './record.ts'
import { isAcceptedRecord, isBatchRequest } from './record-fault.ts'

/** The number of rows that are kept: the latest instances. */
export const keptRows = 60

export interface Ledger {
  /** In order of instance. */
  readonly rows: readonly LedgerRow[]
}

export interface LedgerRow {
  readonly instance: Instance
  /** The chosen batch; `null` while no server is known to have executed it. */
  readonly chosen: ShownBatch | null
  /** The outcomes of its first requests, the same on every server; `null` while no server is known to have executed it. */
  readonly outcomes: readonly RequestOutcome[] | null
  readonly cells: Readonly<Record<NodeId, LedgerCell>>
}

/** A batch, shortened to the first of its requests. */
export interface ShownBatch {
  readonly requests: readonly NamedRequest[]
  readonly more: number
}

export interface LedgerCell {
  /** What this server accepted in the instance, and at which ballot; `null` when it accepted nothing, or this is not known. */
  readonly accepted: {
    readonly ballot: Ballot
    readonly batch: ShownBatch | null
    /** It is durable: it survives a crash, and the server may send it. */
    readonly isSynced: boolean
  } | null
  /** The server knows the chosen batch. */
  readonly isChosen: boolean
  readonly isExecuted: boolean
}

export const nothingInLedger: Ledger = { rows: [] }

const emptyCell: LedgerCell = { accepted: null, isChosen: false, isExecuted: false }

/** The number of requests that are shown of a batch. */
const shownRequests = 4

/** A request may end others too: a cancellation does, and so does one that acknowledges earlier results. */
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

/** The ledger after a server has gone. Batches that it accepted and did not sync are lost. */
export function ledgerWithoutMemory(ledger: Ledger, node: NodeId): Ledger {
  return changed(ledger, node, (cell) =>
    cell.accepted === null || cell.accepted.isSynced ? cell : { ...cell, accepted: null },
  )
}

/** The ledger after a server returned with another, empty disk: the server knows nothing of its earlier votes. */
export function ledgerWithout(ledger: Ledger, node: NodeId): Ledger {
  return changed(ledger, node, () => emptyCell)
}

/** A batch, shortened to the part that is shown. */
function shownBatch(groups: Batch['groups']): ShownBatch {
  const requests = groups.flatMap(namedRequests)
  return {
    requests: requests.slice(0, shownRequests),
    more: Math.max(0, requests.length - shownRequests),
  }
}

/** The batch to show in a row: the chosen one, or else the one that was accepted at the highest ballot. */
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

/** What to show of one request in a row. */
export interface Ending {
  /** `null`: the request was not in the batch; a request of the batch ended it. */
  readonly request: NamedRequest | null
  readonly uid: string
  readonly seq: number
  /** `null`: not known, or not yet. */
  readonly outcome: RequestOutcome['outcome'] | null
}

/** The requests of a row's batch with their outcomes, then the requests that they ended. */
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

type Named = Pick<NamedRequest, 'uid' | 'seq'>

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
    case 'installed': {
      const { instance } = fact.snapshot
      return executedBelow(chosenBelow(ledger, node, instance), node, instance)
    }
    case 'crashed':
      return ledgerWithoutMemory(ledger, node)
    case 'stored':
    case 'recalled':
    case 'requested':
    case 'read.asked':
    case 'responded':
      return ledger
  }
  fact satisfies never
}

/**
 * A run begins with the content of the disk. Batches that were only in memory, or whose write was lost, are no longer accepted.
 */
function begunFrom(ledger: Ledger, node: NodeId, { accepted, firstUnchosen }: DurableState): Ledger {
  const without = changed(ledger, node, (cell, instance) =>
    cell.accepted !== null && instance >= firstUnchosen ? { ...cell, accepted: null } : cell,
  )
  return chosenBelow(acceptedTaken(without, node, accepted, true), node, firstUnchosen)
}

/** A batch in the acceptor's memory that is not known to be synced is being written to the disk. */
function inMemory(ledger: Ledger, node: NodeId, context: Json): Ledger {
  return acceptedTaken(ledger, node, acceptedIn(context), false)
}

/** A context is truncated when it is long, and comes over the network. Elements of another shape are skipped. */
function acceptedIn(context: Json): readonly AcceptedRecord[] {
  if (context === null || typeof context !== 'object' || !('accepted' in context)) return []
  const { accepted } = context
  if (!Array.isArray(accepted)) return []
  return accepted.flatMap((item) => {
    const { batch, ...where } = (item ?? {}) as unknown as AcceptedRecord
    if (!Array.isArray(batch?.groups)) return []
    const groups = batch.groups.flatMap((group) => {
      if (!Array.isArray(group?.requests)) return []
      const requests = group.requests.filter(isBatchRequest)
      return requests.length === 0 ? [] : [{ ...group, requests }]
    })
    const record = { ...where, batch: { ...batch, groups } }
    return isAcceptedRecord(record) ? [record] : []
  })
}

/** Within a run, the ballot of an accepted batch in an instance only grows. A lower ballot is older. */
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
        if (order > 0) return { ...cell, accepted: { ballot, batch: shownBatch(batch.groups), isSynced } }
        if (before === null || (before.batch !== null && (before.isSynced || !isSynced))) return cell
        const shown = before.batch ?? shownBatch(batch.groups)
        return { ...cell, accepted: { ballot, batch: shown, isSynced: before.isSynced || isSynced } }
      }),
    ledger,
  )
}

function executed(ledger: Ledger, node: NodeId, batch: Batch, { instance, outcomes }: Execution): Ledger {
  return withRow(ledger, instance, (row) => ({
    ...row,
    chosen: row.chosen ?? shownBatch(batch.groups),
    outcomes: row.outcomes ?? outcomes.slice(0, shownOutcomes),
    cells: {
      ...row.cells,
      [node]: { ...(row.cells[node] ?? emptyCell), isChosen: true, isExecuted: true },
    },
  }))
}

/** Marks the instances that a server knows to be chosen, in the rows that exist. */
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
  // From the latest down: older cells were changed before.
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

/** Changes cells of a server, in the rows that exist. */
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
  // Events concern the latest rows.
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
