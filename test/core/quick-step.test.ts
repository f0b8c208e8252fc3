import { describe, expect, test } from 'vitest'
import {
  type AnyActorScope,
  type AnyMachineSnapshot,
  assign,
  cancel,
  emit,
  enqueueActions,
  raise,
  setup,
} from 'xstate'
import { clientMachine } from '../../machines/client.ts'
import { nodeMachine } from '../../machines/node.ts'
import { chartOf } from '../../src/core/quick-chart.ts'
import { quickStep } from '../../src/core/quick-step.ts'
import { roleMachines } from '../../src/core/roles.ts'
import { start, step, watchedStep } from '../../src/core/step.ts'

test.each(
  Object.entries({ ...roleMachines, client: clientMachine }),
)('the chart of the %s is known', (_, machine) => {
  expect(chartOf(machine)).not.toBeNull()
})

test('a machine with final states and actors of its own is left to XState', () => {
  expect(chartOf(nodeMachine)).toBeNull()
})

/** Every kind of transition that a chart may have. */
const machine = setup({
  types: {
    context: {} as { readonly log: readonly string[]; readonly count: number },
    events: {} as { readonly type: string; readonly name: string },
    emitted: {} as { readonly type: string; readonly count: number },
  },
  delays: { pause: ({ context }) => 100 + context.count },
  guards: {
    isEven: ({ context }) => context.count % 2 === 0,
    isNamed: (_, event: unknown) => (event as { name: string }).name === 'yes',
    fails: () => {
      throw new Error('a guard failed')
    },
  },
  actions: {
    note: assign(({ context }, name: string) => ({ log: [...context.log, name] })),
    count: assign({ count: ({ context }) => context.count + 1 }),
    reset: assign({ count: 0 }),
    report: emit(({ context }) => ({ type: 'report', count: context.count })),
    several: enqueueActions(({ context, enqueue }, name: string) => {
      enqueue.emit({ type: 'before', count: context.count })
      enqueue.assign({ log: [...context.log, name] })
      enqueue.assign({ count: ({ context: now }) => now.count + now.log.length })
      enqueue.emit(({ context: now }) => ({ type: 'after', count: now.count }))
    }),
    nested: enqueueActions(({ enqueue }) => {
      enqueue('count' as never)
    }),
    fail: assign(() => {
      throw new Error('an action failed')
    }),
  },
}).createMachine({
  id: 'm',
  context: { log: [], count: 0 },
  initial: 'a',
  entry: { type: 'note', params: 'enter m' },
  on: {
    ignored: {},
    home: { target: '.a', reenter: true },
    inside: '.b.b2',
    named: [
      { guard: { type: 'isNamed', params: ({ event }: { readonly event: unknown }) => event }, target: '.c' },
      { actions: 'count' },
    ],
    several: { actions: [{ type: 'several', params: ({ event }) => event.name }, 'report'] },
    nested: { actions: 'nested' },
    wrongGuard: { guard: 'fails', target: '.b' },
    wrongAction: { actions: ['count', 'report', 'fail'], target: '.b' },
  },
  states: {
    a: {
      entry: { type: 'note', params: 'enter a' },
      exit: { type: 'note', params: 'exit a' },
      on: { next: 'b', self: { target: 'a', actions: 'count' }, again: { target: 'a', reenter: true } },
      after: { pause: 'b' },
    },
    b: {
      initial: 'b1',
      entry: { type: 'note', params: 'enter b' },
      exit: [{ type: 'note', params: 'exit b' }, cancel('own')],
      after: { pause: { target: 'c', actions: 'report' } },
      on: { self: 'b', again: { target: 'b', reenter: true }, next: 'c' },
      states: {
        b1: {
          entry: { type: 'note', params: 'enter b1' },
          exit: { type: 'note', params: 'exit b1' },
          on: { deeper: 'b2', up: '#m.a' },
        },
        b2: {
          entry: [
            raise({ type: 'named', name: 'no' }),
            raise({ type: 'self', name: '' }, { id: 'own', delay: 7 }),
          ],
          after: { 50: { target: 'b2', reenter: true } },
          on: { deeper: { target: 'b1', guard: 'isEven' } },
        },
      },
    },
    c: {
      entry: ['count', 'report'],
      always: [
        { guard: 'isEven', target: 'a', actions: 'reset' },
        { guard: 'fails', target: 'b', actions: 'fail' },
      ],
    },
    d: {},
  },
})

const names = [
  'ignored',
  'home',
  'inside',
  'named',
  'several',
  'nested',
  'next',
  'self',
  'again',
  'deeper',
  'up',
  'unknown',
]
const timers = ['xstate.after.pause.m.a', 'xstate.after.pause.m.b', 'xstate.after.50.m.b.b2']
const events = [...names, ...timers].flatMap((type) => ['yes', 'no'].map((name) => ({ type, name })))

const scope = { self: undefined, system: undefined } as unknown as AnyActorScope

function named(type: string) {
  return { type, name: '' }
}

/** The end of a step in XState's own way: its snapshot and effects, or its error. */
function outcome(run: () => { readonly snapshot: AnyMachineSnapshot; readonly effects: unknown }) {
  try {
    const { snapshot, effects } = run()
    const { value, context, status, tags, children, historyValue, output, error } = snapshot
    const ids = snapshot._nodes.map(({ id }) => id).sort()
    return {
      value,
      context,
      status,
      tags,
      children,
      historyValue,
      output,
      error,
      ids,
      keys: Object.keys(snapshot),
      effects,
    }
  } catch (error) {
    return String(error)
  }
}

describe('a quick step gives the result of XState', () => {
  test('after every sequence of three events', () => {
    let quick = 0
    let open = [start(machine, undefined).snapshot]
    for (let depth = 0; depth < 3; depth += 1) {
      const next = new Map<string, AnyMachineSnapshot>()
      for (const before of open) {
        for (const event of events) {
          const expected = outcome(() => {
            const { snapshot, effects } = watchedStep(machine, before, event)
            return { snapshot, effects }
          })
          expect(
            outcome(() => step(machine, before, event)),
            `${JSON.stringify(before.value)} ${event.type}`,
          ).toEqual(expected)
          if (typeof expected === 'string') continue
          if (quickStep(machine, before, event, scope) !== null) quick += 1
          const { snapshot } = step(machine, before, event)
          next.set(JSON.stringify([snapshot.value, snapshot.context]), snapshot)
        }
      }
      open = [...next.values()].slice(0, 150)
    }
    expect(quick).toBeGreaterThan(1_000)
  })

  test('an error of a guard or an action is the same, and nothing of the step stays', () => {
    const { snapshot } = start(machine, undefined)
    for (const type of ['wrongGuard', 'wrongAction']) {
      const event = { type, name: '' }
      const expected = outcome(() => watchedStep(machine, snapshot, event))
      expect(expected).toMatch('failed')
      expect(outcome(() => step(machine, snapshot, event))).toEqual(expected)
    }
  })

  test('XState can go on from the snapshot', () => {
    const { snapshot } = step(machine, start(machine, undefined).snapshot, named('inside'))
    expect(snapshot.matches({ b: 'b2' })).toBe(true)
    expect(snapshot.can(named('deeper'))).toBe(false)
    expect(watchedStep(machine, snapshot, named('up')).snapshot.value).toEqual({ b: 'b2' })
  })
})
