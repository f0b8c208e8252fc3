/** The counter of transitions, counted on a machine so small that one sees what it has. */
import { expect, test } from 'vitest'
import { assign, createActor, setup } from 'xstate'
import { Coverage, stateIdsOf, transitionsOf } from './transitions.ts'

const tiny = setup({
  types: {
    context: {} as { readonly count: number },
    events: {} as { readonly type: 'go' } | { readonly type: 'no' } | { readonly type: 'stop' },
  },
  guards: { isMany: ({ context }) => context.count > 9, isOne: ({ context }) => context.count === 1 },
  delays: { pause: 10 },
  actions: { count: assign({ count: ({ context }) => context.count + 1 }) },
}).createMachine({
  id: 'tiny',
  context: () => ({ count: 0 }),
  initial: 'here',
  on: { no: [{ guard: 'isMany' }, { actions: 'count' }], stop: '.there.end' },
  states: {
    here: { on: { go: { target: 'there', actions: 'count' } } },
    there: {
      initial: 'begin',
      after: { pause: 'here' },
      states: {
        begin: { always: { guard: 'isOne', target: 'middle' } },
        middle: { on: { no: {} } },
        end: {},
      },
    },
  },
})

const all = [
  'tiny on no[0] guard isMany',
  'tiny on no[1]',
  'tiny on stop[0]',
  'tiny.here on go[0]',
  'tiny.there after pause[0]',
  'tiny.there.begin always[0] guard isOne',
  'tiny.there.middle on no[0]',
]

function coverageOf(...events: readonly ('go' | 'no' | 'stop')[]): Coverage {
  const coverage = new Coverage(tiny)
  const actor = createActor(tiny, { inspect: coverage.watch })
  actor.start()
  for (const type of events) actor.send({ type })
  actor.stop()
  return coverage
}

test('each transition has a name of its own: events, delays and what happens at once', () => {
  expect([...transitionsOf(tiny).values()]).toEqual(all)
  expect(stateIdsOf(tiny)).toEqual([
    'tiny.here',
    'tiny.there',
    'tiny.there.begin',
    'tiny.there.middle',
    'tiny.there.end',
  ])
})

test('what nobody took is named', () => {
  expect(coverageOf().untaken).toEqual(all)
  expect(coverageOf('no', 'go').untaken).toEqual(all.filter((_, at) => at !== 1 && at !== 3))
})

test('what is taken at once counts, and so does the state that it leaves', () => {
  const { untaken, unentered } = coverageOf('go')
  expect(untaken).toEqual(all.filter((_, at) => at !== 3 && at !== 5))
  expect(unentered).toEqual(['tiny.there.end'])
})

test('an alternative that changes nothing counts as taken, where it was taken', () => {
  expect(coverageOf('go', 'no').untaken).toEqual(all.filter((_, at) => at < 3 || at === 4))
})

test('how often each was taken is counted', () => {
  expect([...coverageOf('no', 'no', 'stop').taken]).toEqual([
    ['tiny on no[1]', 2],
    ['tiny on stop[0]', 1],
  ])
})

test('a transition that no event leads to stays untaken in every run', () => {
  const { untaken } = coverageOf('go', 'no', 'stop', 'no', 'no')
  expect(untaken).toEqual(['tiny on no[0] guard isMany', 'tiny.there after pause[0]'])
})
