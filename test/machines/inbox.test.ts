/** Every chart handles every event of its inbox in every state, or ignores it for a reason that is written down. */
import { describe, expect, test } from 'vitest'
import type { AnyStateMachine, AnyStateNode } from 'xstate'
import { clientMachine } from '../../machines/client.ts'
import { leaseMachine } from '../../machines/lease.ts'
import { nodeMachine } from '../../machines/node.ts'
import { roleMachines } from '../../src/core/roles.ts'
import { type ChartName, ignored } from './ignored.ts'

const machines: Readonly<Record<ChartName, AnyStateMachine>> = {
  ...roleMachines,
  client: clientMachine,
  lease: leaseMachine,
  node: nodeMachine as unknown as AnyStateMachine,
}

/** The innermost states. */
function leavesOf(node: AnyStateNode): AnyStateNode[] {
  const children = Object.values(node.states)
  return children.length === 0 ? [node] : children.flatMap(leavesOf)
}

/** True for a state that is never rested in: a final one hears nothing, and one left at once hears nothing there. */
function hearsNothing(node: AnyStateNode): boolean {
  const last = node.always?.at(-1)
  return node.type === 'final' || (last !== undefined && last.guard === undefined)
}

function handles(node: AnyStateNode, event: string): boolean {
  return node.transitions.has(event) || (node.parent !== undefined && handles(node.parent, event))
}

function eventsOf(node: AnyStateNode): string[] {
  const own = [...node.transitions.keys()].filter((event) => !event.startsWith('xstate.'))
  return [...own, ...Object.values(node.states).flatMap(eventsOf)]
}

describe.each(Object.keys(ignored) as ChartName[])('the %s', (name) => {
  const { root } = machines[name]
  const inbox = Object.entries(ignored[name])

  test('handles each event in each state, or is known to ignore it there', () => {
    const states = leavesOf(root).filter((node) => !hearsNothing(node))
    const silent = inbox.flatMap(([event]) =>
      states.filter((node) => !handles(node, event)).map((node) => `${event} in ${node.path.join('.')}`),
    )
    const known = inbox.flatMap(([event, { in: paths }]) => paths.map((path) => `${event} in ${path}`))
    expect(silent.sort()).toEqual(known.sort())
    expect(states.length).toBeGreaterThan(1)
  })

  test('handles no event that nobody tells it', () => {
    expect([...new Set(eventsOf(root))].sort()).toEqual(inbox.map(([event]) => event).sort())
  })

  test('has a reason wherever it ignores something', () => {
    const bare = inbox.filter(([, { in: paths, because }]) => paths.length > 0 !== because.length > 0)
    expect(bare.map(([event]) => event)).toEqual([])
  })
})
