/** Writes the charts of the machines, and the descriptions of their states, into the documents. `npm run charts`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { AnyStateMachine, AnyStateNode } from 'xstate'
import { clientMachine } from '../machines/client.ts'
import { leaseMachine } from '../machines/lease.ts'
import { nodeMachine } from '../machines/node.ts'
import { delayName } from '../src/core/chart-names.ts'
import { roleMachines } from '../src/core/roles.ts'

const machines: Readonly<Record<string, AnyStateMachine>> = {
  ...roleMachines,
  client: clientMachine,
  lease: leaseMachine,
  node: nodeMachine as unknown as AnyStateMachine,
}

/** By kind, the function that makes the text between the comments `<!-- KIND:MACHINE -->` and `<!-- /KIND:MACHINE -->`. */
const makers: Readonly<Record<string, (machine: AnyStateMachine) => string>> = {
  chart: chartOf,
  states: statesOf,
}

/** The documents with text from the machines. */
export const documents: readonly string[] = ['docs/charts.md', 'machines/README.md']

/** A state of a chart, with the delays after which the machine leaves it or enters it again. */
export interface ChartState {
  readonly chart: string
  readonly state: string
  readonly delays: readonly string[]
}

/** Every state of every chart, in the order of the documents. */
export const chartStates: readonly ChartState[] = Object.entries(machines).flatMap(([chart, { root }]) =>
  nodesOf(root).map((node) => ({
    chart,
    state: node.path.join('.'),
    delays: [...new Set(node.after.map(({ eventType }) => delayName(eventType)))],
  })),
)

/** The present text of a document, and the wanted text from the machines. Throws when a marker has an unknown kind or machine. */
export function chartDocument(path: string): { readonly present: string; readonly wanted: string } {
  const present = readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8')
  const marked = /(<!-- (\w+):(\w+) -->\n)[\s\S]*?(<!-- \/\2:\3 -->)/g
  const wanted = present.replace(marked, (_, open: string, kind: string, name: string, close: string) => {
    const [maker, machine] = [makers[kind], machines[name]]
    if (maker === undefined || machine === undefined)
      throw new Error(`${path}: ${kind}:${name} is not a known kind and machine`)
    return `${open}\n${maker(machine)}\n\n${close}`
  })
  return { present, wanted }
}

interface Edge {
  readonly from: AnyStateNode
  /** `null` when the machine does not leave the state. */
  readonly to: AnyStateNode | null
  readonly trigger: string
  readonly label: string
}

function nodesOf(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states).flatMap((child) => [child, ...nodesOf(child)])
}

/** `after DELAY` for the event of a timer, which is `xstate.after.DELAY.STATE`. */
function triggerOf(eventType: string): string {
  return eventType.startsWith('xstate.after.') ? `after ${delayName(eventType)}` : eventType
}

/** The name of the guard; `else` for the last of several alternatives, which has no guard. */
function conditionOf(guard: unknown, index: number): string {
  if (guard === undefined) return index === 0 ? '' : ' [else]'
  return ` [${typeof guard === 'string' ? guard : (guard as { readonly type: string }).type}]`
}

function edgesOf(from: AnyStateNode): Edge[] {
  const tables = [...from.transitions, ['at once', from.always ?? []] as const]
  return tables.flatMap(([eventType, transitions]) =>
    transitions.map(({ guard, target }, index) => ({
      from,
      to: target?.[0] ?? null,
      trigger: triggerOf(eventType),
      label: `${triggerOf(eventType)}${conditionOf(guard, index)}`,
    })),
  )
}

function idOf(node: AnyStateNode): string {
  return node.parent === undefined ? 'any' : node.path.join('_')
}

/** The declaration of a state with its child states. */
function declaration(node: AnyStateNode): string[] {
  const children = Object.values(node.states)
  const name = `state "${node.key}" as ${idOf(node)}`
  if (children.length === 0) return node.type === 'final' ? [name, `${idOf(node)} --> [*]`] : [name]
  return [`${name} {`, ...inside(node, children).map((line) => `  ${line}`), '}']
}

function inside(node: AnyStateNode, children: readonly AnyStateNode[]): string[] {
  const initial = node.initial.target[0]
  return [...(initial ? [`[*] --> ${idOf(initial)}`] : []), ...children.flatMap(declaration)]
}

/** The arrows: one for each pair of states, with the labels of all transitions between them. */
function arrows(edges: readonly Edge[]): string[] {
  const labels = new Map<string, string[]>()
  for (const { from, to, label } of edges) {
    if (to === null) continue
    const arrow = `${idOf(from)} --> ${idOf(to)}`
    labels.set(arrow, [...(labels.get(arrow) ?? []), label])
  }
  return [...labels].map(([arrow, all]) => `${arrow} : ${all.join('<br/>')}`)
}

/** The events that do not leave a state, as text: arrows for them would hide the important ones. */
function quiet(node: AnyStateNode, edges: readonly Edge[]): string[] {
  const received = edges.filter(({ from, to }) => from === node && to === null).map(({ trigger }) => trigger)
  if (received.length === 0) return []
  const where = node.parent === undefined ? 'any state' : `\`${node.path.join('.')}\``
  return [`- in ${where}: ${[...new Set(received)].map((trigger) => `\`${trigger}\``).join(', ')}`]
}

function chartOf({ root }: AnyStateMachine): string {
  const nodes = [root, ...nodesOf(root)]
  const edges = nodes.flatMap(edgesOf)
  const any = edges.some(({ from, to }) => from === root && to !== null) ? ['state "any state" as any'] : []
  const lines = [...any, ...inside(root, Object.values(root.states)), ...arrows(edges)]
  const notDrawn = nodes.flatMap((node) => quiet(node, edges))
  const drawing = ['```mermaid', 'stateDiagram-v2', ...lines.map((line) => `  ${line}`), '```']
  return [
    ...drawing,
    ...(notDrawn.length > 0 ? ['', 'Received without leaving the state:', '', ...notDrawn] : []),
  ].join('\n')
}

function statesOf({ root }: AnyStateMachine): string {
  const rows = nodesOf(root).map((node) => `| \`${node.path.join('.')}\` | ${node.description} |`)
  return ['| state | |', '| --- | --- |', ...rows].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const path of documents) {
    writeFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), chartDocument(path).wanted)
  }
}
