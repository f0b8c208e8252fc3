/** The highlights of the charts: the transitions of one step, the last one or the selected one. */
import type { NodeId } from '../../machines/batch.ts'
import type { LastStep } from '../../src/inspect/records/picture.ts'
import type { InspectorRecord, RoleMove } from '../../src/inspect/records/record.ts'
import { messageText } from '../../src/messages/dictionary.ts'
import { causeText, partyText, roleText } from '../model/record-text.ts'
import type { Chart, ChartName } from './drawing.ts'
import { eventWords, explained, explainedText, idOf } from './explain.ts'

export interface LitStep {
  /** The server of the step; `null` for a client's. */
  readonly server: NodeId | null
  /** `server 1 receives accept 1.0 instance 0 [a#1 lock x] from 0`. */
  readonly cause: string
  /** The transitions of each machine, with their reasons. */
  readonly moves: readonly { readonly chart: ChartName; readonly text: string }[]
  readonly byChart: ReadonlyMap<ChartName, LitChart>
}

/** The highlights of one chart. */
export interface LitChart {
  readonly edges: ReadonlySet<string>
  /** The id of the state after the step. */
  readonly state: string
  readonly server: NodeId | null
}

/** The step of a record, if it has one. */
export function stepOf(record: InspectorRecord | undefined): LastStep | null {
  if (record?.kind === 'client') return { party: 'client', record }
  if (record?.kind !== 'server' || record.record.kind !== 'step') return null
  const { cause, moves } = record.record
  return { party: 'server', node: record.node, cause, moves }
}

/** The highlights of a step. */
export function litStep(step: LastStep, charts: readonly Chart[]): LitStep {
  const isServer = step.party === 'server'
  const server = isServer ? step.node : null
  const moves = joined(
    isServer
      ? step.moves.map((move) => ({ ...move, chart: move.role }))
      : step.record.moves.map((move) => ({ ...move, chart: 'client' as const })),
  )
  const byChart = new Map<ChartName, LitChart>()
  const texts = moves.flatMap((move) => {
    const chart = charts.find(({ name }) => name === move.chart)
    if (chart === undefined) return []
    const before = byChart.get(move.chart)?.edges ?? []
    byChart.set(move.chart, {
      edges: new Set([...before, ...move.edges]),
      state: idOf(chart, move.state),
      server,
    })
    return [{ chart: move.chart, text: explainedText(explained(chart, move)) }]
  })
  return { server, cause: causeOf(step), moves: texts, byChart }
}

interface ChartMove extends Omit<RoleMove, 'role'> {
  readonly chart: ChartName
}

/** Joins each transition with the eventless transitions that follow it on the same event. */
function joined(moves: readonly ChartMove[]): readonly ChartMove[] {
  const all: ChartMove[] = []
  for (const move of moves) {
    const before = all.at(-1)
    const isSame = before?.chart === move.chart && before.event === move.event && isAtOnce(before, move)
    if (before !== undefined && isSame) {
      all[all.length - 1] = { ...move, edges: [...before.edges, ...move.edges] }
    } else all.push(move)
  }
  return all
}

/** Only eventless transitions follow others without an event. */
function isAtOnce(before: ChartMove, { edges }: ChartMove): boolean {
  return before.edges.length > 0 && edges.length > 0 && edges.every((id) => id.includes(' always['))
}

/** `request queue`, `client`. */
export function chartWord(name: ChartName): string {
  return name === 'client' ? name : roleText(name)
}

function causeOf(step: LastStep): string {
  if (step.party === 'server') return `server ${step.node} ${causeText(step.cause)}`
  const { client, heard, event } = step.record
  const cause =
    heard === null ? `: ${eventWords(event)}` : ` receives ${messageText(heard.message)} from ${heard.from}`
  return `${partyText(client)}${cause}`
}
