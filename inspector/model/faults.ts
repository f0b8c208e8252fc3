/** The logic of the faults panel: which links are cut when servers are dragged, and which timers can be fired. */
import type { NodeId } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import { edgesOf } from '../../src/core/chart-edges.ts'
import { roleMachines, roleNames } from '../../src/core/roles.ts'
import type { FaultRule } from '../../src/inspect/records/control.ts'
import type { RoleStates } from '../../src/inspect/records/record.ts'

export interface Point {
  readonly x: number
  readonly y: number
}

export type Positions = Readonly<Record<NodeId, Point>>

/** Two servers, the lower id first. */
export type Pair = readonly [NodeId, NodeId]

/** The size of the map in its own units. A unit is about a pixel. */
export const mapSize = { width: 380, height: 240 } as const

export const serverRadius = 20

/** Two servers whose centres are further apart than this are not linked directly. */
export const reach = 110

/** The distance of neighbours at the start. */
const restingDistance = 86

/** The servers in a ring, so close that no link is cut. */
export function homePositions(nodes: readonly NodeId[]): Positions {
  const { width, height } = mapSize
  const count = nodes.length
  const ring = count < 2 ? 0 : restingDistance / (2 * Math.sin(Math.PI / count))
  const radius = Math.min(ring, height / 2 - serverRadius - 4)
  return Object.fromEntries(
    nodes.map((node, place) => {
      const angle = (2 * Math.PI * place) / count - Math.PI / 2
      return [node, { x: width / 2 + radius * Math.cos(angle), y: height / 2 + radius * Math.sin(angle) }]
    }),
  )
}

/** The distance within a group that is separated from others: the discs do not touch. */
const closeDistance = 44

/**
 * The positions of servers that nobody has moved: together, or group by group out of each other's reach, if there is room for
 * that many groups.
 */
export function restingPositions(groups: readonly (readonly NodeId[])[]): Positions {
  const home = homePositions(groups.flat().sort((a, b) => a - b))
  if (groups.length < 2) return home
  const { width, height } = mapSize
  const apart = Object.fromEntries(
    groups.flatMap((group, place) => {
      const ring = group.length < 2 ? 0 : closeDistance / (2 * Math.sin(Math.PI / group.length))
      const [across, along] = [width, height].map((size) => size / 2 - serverRadius - 2 - ring) as [
        number,
        number,
      ]
      const angle = Math.PI + (2 * Math.PI * place) / groups.length
      const centre = { x: width / 2 + across * Math.cos(angle), y: height / 2 + along * Math.sin(angle) }
      return group.map((node, index) => {
        const turn = (2 * Math.PI * index) / group.length - Math.PI / 2
        return [node, { x: centre.x + ring * Math.cos(turn), y: centre.y + ring * Math.sin(turn) }]
      })
    }),
  )
  return groupsText(groupsOf(apart)) === groupsText(groups) ? apart : home
}

/** The point, or the nearest point at which a server is completely on the map. */
export function onMap({ x, y }: Point): Point {
  const within = (value: number, size: number) =>
    Math.min(Math.max(value, serverRadius + 2), size - serverRadius - 2)
  return { x: within(x, mapSize.width), y: within(y, mapSize.height) }
}

/** Servers within reach of each other, directly or through others, are one group. Each group is in order of id. */
export function groupsOf(positions: Positions): readonly (readonly NodeId[])[] {
  return groupsWhere(
    Object.keys(positions).map(Number),
    (a, b) => distance(positions[a], positions[b]) <= reach,
  )
}

/** The groups that the cuts leave: servers that are linked, directly or through others. */
export function groupsUnder(nodes: readonly NodeId[], cuts: readonly Pair[]): readonly (readonly NodeId[])[] {
  return groupsWhere(nodes, (a, b) => !isCutBetween(cuts, [a, b]))
}

/** The pairs whose servers are in different groups. */
export function pairsApart(groups: readonly (readonly NodeId[])[]): readonly Pair[] {
  const groupOf = new Map(groups.flatMap((group, place) => group.map((node) => [node, place] as const)))
  return pairsOf([...groupOf.keys()]).filter(([a, b]) => groupOf.get(a) !== groupOf.get(b))
}

/** Every pair of the servers. */
export function pairsOf(nodes: readonly NodeId[]): readonly Pair[] {
  const inOrder = [...nodes].sort((a, b) => a - b)
  return inOrder.flatMap((a, place) => inOrder.slice(place + 1).map((b): Pair => [a, b]))
}

/** The pairs that are cut in both directions. */
export function cutsIn(rules: readonly FaultRule[]): readonly Pair[] {
  const oneWay = new Set(rules.filter(isCut).map(({ from, to }) => `${from} ${to}`))
  return rules.flatMap((rule): Pair[] => {
    const { from, to } = rule
    if (!isCut(rule) || typeof from !== 'number' || typeof to !== 'number' || from >= to) return []
    return oneWay.has(`${to} ${from}`) ? [[from, to]] : []
  })
}

/** True when the pair is among `cuts`. */
export function isCutBetween(cuts: readonly Pair[], [a, b]: Pair): boolean {
  return cuts.some(([low, high]) => low === Math.min(a, b) && high === Math.max(a, b))
}

/** The cuts after `node` is cut from all others; or from none, if it was cut from all. */
export function cutsWithout(node: NodeId, nodes: readonly NodeId[], cuts: readonly Pair[]): readonly Pair[] {
  const own = pairsOf(nodes).filter((pair) => pair.includes(node))
  const others = cuts.filter((pair) => !pair.includes(node))
  return own.every((pair) => isCutBetween(cuts, pair)) ? others : [...others, ...own]
}

/** The rules with these pairs cut and no others. Cuts come first, because the first matching rule applies. */
export function withCuts(rules: readonly FaultRule[], cuts: readonly Pair[]): readonly FaultRule[] {
  return [...cuts.flatMap(([a, b]) => [cut(a, b), cut(b, a)]), ...withoutCuts(rules)]
}

/** The rules that cut no pair. */
export function withoutCuts(rules: readonly FaultRule[]): readonly FaultRule[] {
  const cuts = cutsIn(rules)
  return rules.filter((rule) => {
    const { from, to } = rule
    if (!isCut(rule) || typeof from !== 'number' || typeof to !== 'number') return true
    return !isCutBetween(cuts, [from, to])
  })
}

/** `0 1 | 2`, for a screen reader; `all together` when nothing is cut. */
export function groupsText(groups: readonly (readonly NodeId[])[]): string {
  return groups.length === 1 ? 'all together' : groups.map((group) => group.join(' ')).join(' | ')
}

/** A timer that a role waits for. */
export interface ArmedTimer {
  readonly role: RoleName
  /** The name of its event, from XState. */
  readonly id: string
  /** The name of its delay: `backoff`. */
  readonly delay: string
}

/** The timers that are armed in the present states of the roles. */
export function armedTimers(roles: RoleStates): readonly ArmedTimer[] {
  return roleNames.flatMap((role) => {
    const state = `${roleMachines[role].id}.${roles[role].state}`
    return timersOf(role).filter(({ from }) => state === from || state.startsWith(`${from}.`))
  })
}

interface ChartTimer extends ArmedTimer {
  /** The state that arms it. */
  readonly from: string
}

const known = new Map<RoleName, readonly ChartTimer[]>()

/** Every timer of the role's chart. Cached, because every drawing needs it. */
function timersOf(role: RoleName): readonly ChartTimer[] {
  const before = known.get(role)
  if (before !== undefined) return before
  const timers = edgesOf(roleMachines[role]).flatMap(({ from, trigger, index }): ChartTimer[] =>
    trigger.kind === 'delay' && index === 0
      ? [{ role, id: `xstate.after.${trigger.name}.${from}`, delay: trigger.name, from }]
      : [],
  )
  known.set(role, timers)
  return timers
}

function groupsWhere(
  nodes: readonly NodeId[],
  areTogether: (a: NodeId, b: NodeId) => boolean,
): readonly (readonly NodeId[])[] {
  const left = new Set([...nodes].sort((a, b) => a - b))
  const groups: NodeId[][] = []
  for (const first of left) {
    const group = [first]
    left.delete(first)
    // The group grows during the loop.
    for (const member of group) {
      for (const other of left) {
        if (!areTogether(member, other)) continue
        group.push(other)
        left.delete(other)
      }
    }
    groups.push(group.sort((a, b) => a - b))
  }
  return groups
}

function isCut({ from, to, message, action, count }: FaultRule): boolean {
  return (
    typeof from === 'number' &&
    typeof to === 'number' &&
    message === 'any' &&
    action === 'drop' &&
    count === null
  )
}

function cut(from: NodeId, to: NodeId): FaultRule {
  return { from, to, message: 'any', action: 'drop', delayMs: 0, count: null }
}

function distance(a: Point | undefined, b: Point | undefined): number {
  return a === undefined || b === undefined ? Number.POSITIVE_INFINITY : Math.hypot(a.x - b.x, a.y - b.y)
}
