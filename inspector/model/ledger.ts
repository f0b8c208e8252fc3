/** Instances by servers: what each one promised, accepted, learned and executed, as far as the records tell. */
import type { Ballot } from '../../machines/ballot.ts'
import type { Batch, Instance, NodeId, Request } from '../../machines/batch.ts'
import type { Execution, RequestOutcome } from '../../machines/outcome.ts'
import type { StepRecord, SurveyRecord } from '../../src/inspect/record.ts'
import type { Fact } from '../../src/verify/facts.ts'

/** Rows that are kept: of the latest instances. */
const keptRows = 60

export interface Ledger {
  /** In order of instance. */
  readonly rows: readonly LedgerRow[]
}

export interface LedgerRow {
  readonly instance: Instance
  /** What was chosen; `null` while nobody is known to have executed it or told of it. */
  readonly chosen: ShownBatch | null
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
    readonly isSynced: boolean
  } | null
  /** It knows what was chosen. */
  readonly isChosen: boolean
  /** How each request of the batch ended here, the first of them; `null` before it was executed. */
  readonly outcomes: readonly RequestOutcome[] | null
}

export const nothingInLedger: Ledger = { rows: [] }

const emptyCell: LedgerCell = { accepted: null, isChosen: false, outcomes: null }

/** Requests of a batch that are shown. */
const shownRequests = 8

/** The ledger after a record of server `node`. */
export function ledgerAfter(ledger: Ledger, node: NodeId, record: StepRecord | SurveyRecord): Ledger {
  if (record.kind === 'survey') {
    const { firstUnchosen } = record.durable
    const known = acceptedTaken(ledger, node, record.durable.accepted, true)
    return chosenBelow(known, node, firstUnchosen)
  }
  return record.facts.reduce((known, fact) => factTaken(known, node, fact), ledger)
}

export function shownBatch({ requests }: Batch): ShownBatch {
  return {
    requests: requests.slice(0, shownRequests),
    more: Math.max(0, requests.length - shownRequests),
  }
}

function factTaken(ledger: Ledger, node: NodeId, fact: Fact): Ledger {
  switch (fact.type) {
    case 'started':
    case 'synced': {
      const { accepted, firstUnchosen } = fact.durable
      return chosenBelow(acceptedTaken(ledger, node, accepted, true), node, firstUnchosen)
    }
    case 'said': {
      const { message } = fact
      if (message.type === 'accepted') {
        return withCell(ledger, message.instance, node, (cell) => ({
          ...cell,
          accepted: { ballot: message.ballot, batch: cell.accepted?.batch ?? null, isSynced: true },
        }))
      }
      return ledger
    }
    case 'executed':
      return executed(ledger, node, fact.batch, fact.execution)
    case 'requested':
    case 'crashed':
    case 'responded':
      return ledger
  }
  fact satisfies never
}

function acceptedTaken(
  ledger: Ledger,
  node: NodeId,
  records: SurveyRecord['durable']['accepted'],
  isSynced: boolean,
): Ledger {
  return records.reduce(
    (known, { instance, ballot, batch }) =>
      withCell(known, instance, node, (cell) => ({
        ...cell,
        accepted: { ballot, batch: shownBatch(batch), isSynced },
      })),
    ledger,
  )
}

function executed(ledger: Ledger, node: NodeId, batch: Batch, { instance, outcomes }: Execution): Ledger {
  const known = withCell(ledger, instance, node, (cell) => ({
    ...cell,
    isChosen: true,
    outcomes: outcomes.slice(0, shownRequests),
  }))
  return {
    rows: known.rows.map((row) =>
      row.instance === instance && row.chosen === null ? { ...row, chosen: shownBatch(batch) } : row,
    ),
  }
}

/** What a server knows to be chosen, in the rows that there are. */
function chosenBelow(ledger: Ledger, node: NodeId, firstUnchosen: Instance): Ledger {
  const isNews = (row: LedgerRow) => row.instance < firstUnchosen && !row.cells[node]?.isChosen
  if (!ledger.rows.some(isNews)) return ledger
  return {
    rows: ledger.rows.map((row) =>
      isNews(row)
        ? { ...row, cells: { ...row.cells, [node]: { ...(row.cells[node] ?? emptyCell), isChosen: true } } }
        : row,
    ),
  }
}

function withCell(
  ledger: Ledger,
  instance: Instance,
  node: NodeId,
  change: (cell: LedgerCell) => LedgerCell,
): Ledger {
  const { rows } = ledger
  const place = rows.findIndex((row) => row.instance >= instance)
  const row = rows[place]
  if (row !== undefined && row.instance === instance) {
    const cells = { ...row.cells, [node]: change(row.cells[node] ?? emptyCell) }
    return { rows: rows.with(place, { ...row, cells }) }
  }
  const oldest = rows[0]
  if (rows.length === keptRows && oldest !== undefined && instance < oldest.instance) return ledger
  const added: LedgerRow = { instance, chosen: null, cells: { [node]: change(emptyCell) } }
  const longer = place === -1 ? [...rows, added] : rows.toSpliced(place, 0, added)
  return { rows: longer.slice(-keptRows) }
}
