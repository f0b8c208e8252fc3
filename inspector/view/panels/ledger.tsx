import './ledger.css'
import type { NodeId } from '../../../machines/batch.ts'
import type { RequestOutcome } from '../../../machines/outcome.ts'
import { requestName } from '../../../src/core/names.ts'
import {
  batchOf,
  endingsOf,
  type LedgerCell,
  type Ledger as LedgerData,
  type LedgerRow,
} from '../../../src/inspect/records/ledger.ts'
import type { ServerPicture } from '../../../src/inspect/records/picture.ts'
import { ballotText, outcomeText, requestText } from '../../../src/messages/part-texts.ts'
import { type ColumnHeads, columnHeads } from '../../model/heads.ts'
import { type Knows, shownRows } from '../../model/ledger-rows.ts'
import { ageText, gapText } from '../../model/record-text.ts'
import { pure } from '../shell/pure.ts'
import { Token } from '../shell/token.tsx'

interface LedgerProps {
  readonly ledger: LedgerData
  readonly servers: readonly ServerPicture[]
}

/** Instances by servers, the newest on top. */
export const Ledger = pure(function Ledger({ ledger, servers }: LedgerProps) {
  const nodes = servers.map(({ node }) => node).join(' ')
  const heads = columnHeads(servers)
  const rows = shownRows(ledger, servers)
  return (
    <div class="ledger">
      <table style={{ '--servers': `${servers.length}` }}>
        <caption class="visually-hidden">
          What each server promised, accepted, knows to be chosen and executed, by instance
        </caption>
        <thead>
          <tr>
            <th scope="col">instance</th>
            {servers.map(({ node, roles }) => (
              <th scope="col" key={node} class={roles === null ? 'away' : ''}>
                <span class="visually-hidden">server </span>
                <Token node={node} />
              </th>
            ))}
          </tr>
          <tr title="The highest ballot that it has promised; ○: not synced yet">
            <th scope="row">promised</th>
            {heads.map((head, place) => (
              <Promised key={place} {...head} />
            ))}
          </tr>
          <tr title="It knows the chosen batch of every instance below this one">
            <th scope="row">
              chosen <span aria-hidden="true">&lt;</span>
              <span class="visually-hidden">below</span>
            </th>
            {heads.map(({ firstUnchosen }, place) => (
              <td key={place}>{firstUnchosen ?? '–'}</td>
            ))}
          </tr>
          <tr title="It executed every instance below this one">
            <th scope="row">
              executed <span aria-hidden="true">&lt;</span>
              <span class="visually-hidden">below</span>
            </th>
            {heads.map(({ firstUnchosen, firstUnexecuted }, place) => (
              <td key={place}>{firstUnchosen === null ? '–' : firstUnexecuted}</td>
            ))}
          </tr>
          <tr title="The age of the column below: the server has left out records since. The numbers above are reported separately, for one moment of all servers.">
            <th scope="row">age</th>
            {heads.map((head, place) => (
              <Age key={place} {...head} />
            ))}
          </tr>
        </thead>
        {rows.map((shown) =>
          shown.kind === 'gap' ? (
            <Gap key={`gap ${shown.to}`} from={shown.from} to={shown.to} columns={servers.length + 1} />
          ) : (
            <Row key={shown.row.instance} row={shown.row} nodes={nodes} knows={shown.knows.join(' ')} />
          ),
        )}
      </table>
      {rows.length === 0 ? <p class="muted">Nothing has been accepted yet.</p> : null}
      <p class="key">
        <span class="synced">● 1.0</span> accepted at that ballot <span class="unsynced">○ 1.0</span> not
        synced yet <span>?</span> not known: records were left out
      </p>
    </div>
  )
})

function Promised({ promised, isPromisedSynced }: ColumnHeads) {
  if (promised === null) return <td>–</td>
  return isPromisedSynced ? (
    <td>{ballotText(promised)}</td>
  ) : (
    <td class="unsynced">
      <span aria-hidden="true">○ </span>
      {ballotText(promised)}
      <span class="visually-hidden"> not synced yet</span>
    </td>
  )
}

function Age({ cellsAgeMs, ageMs }: ColumnHeads) {
  if (cellsAgeMs === null) return <td>–</td>
  if (cellsAgeMs === 0) return <td>now</td>
  return (
    <td class="old" title={`The numbers above are ${ageText(ageMs)} old`}>
      {ageText(cellsAgeMs)}
    </td>
  )
}

interface GapProps {
  readonly from: number
  readonly to: number
  readonly columns: number
}

/** Instances without a record. */
const Gap = pure(function Gap({ from, to, columns }: GapProps) {
  return (
    <tbody class="ledger-gap">
      <tr>
        <td colSpan={columns}>{gapText(from, to)}</td>
      </tr>
    </tbody>
  )
})

interface RowProps {
  readonly row: LedgerRow
  /** The server ids as one text, because equal texts do not cause a drawing. */
  readonly nodes: string
  /** The knowledge of each server, as one text. */
  readonly knows: string
}

const Row = pure(function Row({ row, nodes, knows }: RowProps) {
  const ids: NodeId[] = nodes === '' ? [] : nodes.split(' ').map(Number)
  const known = knows.split(' ') as Knows[]
  return (
    <tbody>
      <tr>
        <th scope="rowgroup" rowSpan={2}>
          {row.instance}
        </th>
        {ids.map((node, place) => (
          <Cell key={node} cell={row.cells[node]} knows={known[place] ?? 'unknown'} outcomes={row.outcomes} />
        ))}
      </tr>
      <tr>
        <td class="batch" colSpan={Math.max(1, ids.length)}>
          <BatchLine row={row} />
        </td>
      </tr>
    </tbody>
  )
})

interface CellProps {
  readonly cell: LedgerCell | undefined
  readonly knows: Knows
  readonly outcomes: LedgerRow['outcomes']
}

const Cell = pure(function Cell({ cell, knows, outcomes }: CellProps) {
  const accepted = cell?.accepted ?? null
  if (knows === 'unknown') {
    return (
      <td class="nothing" title="Not known, because the server left out records">
        <span aria-hidden="true">?</span>
        <span class="visually-hidden">not known</span>
      </td>
    )
  }
  if (accepted === null && knows === 'nothing') return <td class="nothing">–</td>
  const text = knows === 'executed' ? executedText(outcomes) : knows === 'chosen' ? 'chosen' : null
  const kind = knows === 'executed' ? (text === 'delayed' ? 'delayed' : 'executed') : knows
  return (
    <td class={kind === 'nothing' ? 'open' : kind}>
      {accepted === null ? null : (
        <div class={accepted.isSynced ? 'synced' : 'unsynced'}>
          <span class="visually-hidden">
            {accepted.isSynced ? 'accepted' : 'accepted, not synced yet, at'}
          </span>
          <span aria-hidden="true">{accepted.isSynced ? '●' : '○'}</span> {ballotText(accepted.ballot)}
        </div>
      )}
      {text === null ? null : <div class="knows">{text}</div>}
    </td>
  )
})

/** `executed`; `executed, delayed` when the requests of the batch had different outcomes. */
function executedText(outcomes: readonly RequestOutcome[] | null): string {
  const kinds = new Set((outcomes ?? []).map(({ outcome }) => outcome.kind))
  return kinds.size === 0 ? 'executed' : [...kinds].join(', ')
}

function BatchLine({ row }: { readonly row: LedgerRow }) {
  const batch = batchOf(row)
  if (batch === null) return <span class="muted">not seen</span>
  return (
    <ul aria-label={row.chosen === null ? 'accepted' : 'chosen'}>
      {batch.requests.length === 0 ? <li class="muted">no requests</li> : null}
      {endingsOf(row).map(({ request, uid, seq, outcome }, place) => (
        <li key={place}>
          {request === null ? requestName({ uid, seq }) : requestText(request)}
          {outcome === null ? null : <span class={`outcome ${outcome.kind}`}> → {outcomeText(outcome)}</span>}
        </li>
      ))}
      {batch.more === 0 ? null : <li class="muted">{batch.more} more</li>}
    </ul>
  )
}
