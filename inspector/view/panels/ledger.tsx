import './ledger.css'
import type { NodeId } from '../../../machines/batch.ts'
import type { RequestOutcome } from '../../../machines/outcome.ts'
import {
  batchOf,
  endingsOf,
  type LedgerCell,
  type Ledger as LedgerData,
  type LedgerRow,
} from '../../../src/inspect/ledger.ts'
import type { ServerPicture } from '../../../src/inspect/picture.ts'
import { requestName } from '../../../src/schedule/names.ts'
import { ballotText, outcomeText, requestText } from '../../../src/transcript/words.ts'
import { durableHeads } from '../../model/heads.ts'
import { pure } from '../shell/pure.ts'
import { Token } from '../shell/token.tsx'

interface LedgerProps {
  readonly ledger: LedgerData
  readonly servers: readonly ServerPicture[]
}

/** Instances by servers, the newest on top. */
export const Ledger = pure(function Ledger({ ledger, servers }: LedgerProps) {
  const nodes = servers.map(({ node }) => node)
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
            {servers.map((server) => (
              <Promised key={server.node} server={server} />
            ))}
          </tr>
          <tr title="It knows what was chosen in every instance below this one">
            <th scope="row">
              chosen <span aria-hidden="true">&lt;</span>
              <span class="visually-hidden">below</span>
            </th>
            {servers.map((server) => (
              <td key={server.node}>{durableHeads(server).firstUnchosen ?? '–'}</td>
            ))}
          </tr>
        </thead>
        {ledger.rows.toReversed().map((row) => (
          <Row key={row.instance} row={row} nodes={nodes.join(' ')} />
        ))}
      </table>
      {ledger.rows.length === 0 ? <p class="muted">Nothing has been accepted yet.</p> : null}
      <p class="key">
        <span class="synced">● 1.0</span> accepted at that ballot <span class="unsynced">○ 1.0</span> not
        synced yet
      </p>
    </div>
  )
})

function Promised({ server }: { readonly server: ServerPicture }) {
  const { promised, isPromisedSynced } = durableHeads(server)
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

interface RowProps {
  readonly row: LedgerRow
  /** Their numbers in a text, which is the same as long as they are. */
  readonly nodes: string
}

const Row = pure(function Row({ row, nodes }: RowProps) {
  const ids: NodeId[] = nodes === '' ? [] : nodes.split(' ').map(Number)
  return (
    <tbody>
      <tr>
        <th scope="rowgroup" rowSpan={2}>
          {row.instance}
        </th>
        {ids.map((node) => (
          <Cell key={node} cell={row.cells[node]} outcomes={row.outcomes} />
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
  readonly outcomes: LedgerRow['outcomes']
}

const Cell = pure(function Cell({ cell, outcomes }: CellProps) {
  if (cell === undefined) return <td class="nothing">–</td>
  const { accepted, isChosen, isExecuted } = cell
  const knows = isExecuted ? executedText(outcomes) : isChosen ? 'chosen' : null
  const kind = isExecuted ? (knows === 'delayed' ? 'delayed' : 'executed') : isChosen ? 'chosen' : 'open'
  return (
    <td class={kind}>
      {accepted === null ? (
        knows === null ? (
          '–'
        ) : null
      ) : (
        <div class={accepted.isSynced ? 'synced' : 'unsynced'}>
          <span class="visually-hidden">
            {accepted.isSynced ? 'accepted' : 'accepted, not synced yet, at'}
          </span>
          <span aria-hidden="true">{accepted.isSynced ? '●' : '○'}</span> {ballotText(accepted.ballot)}
        </div>
      )}
      {knows === null ? null : <div class="knows">{knows}</div>}
    </td>
  )
})

/** `executed`; `executed, delayed` where the requests of the batch ended differently. */
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
