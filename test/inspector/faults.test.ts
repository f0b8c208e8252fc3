import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  armedTimers,
  cutsIn,
  cutsWithout,
  groupsOf,
  groupsText,
  groupsUnder,
  homePositions,
  mapSize,
  onMap,
  pairsApart,
  pairsOf,
  reach,
  restingPositions,
  serverRadius,
  withCuts,
  withoutCuts,
} from '../../inspector/model/faults.ts'
import { edgesOf } from '../../src/core/chart-edges.ts'
import { roleMachines } from '../../src/core/roles.ts'
import type { FaultRule } from '../../src/inspect/records/control.ts'
import type { RoleStates } from '../../src/inspect/records/record.ts'

const delay: FaultRule = {
  from: 'client',
  to: 'any',
  message: 'any',
  action: 'delay',
  delayMs: 9,
  count: null,
}
const oneWay: FaultRule = { from: 0, to: 2, message: 'any', action: 'drop', delayMs: 0, count: null }

test('where servers begin, nobody is cut from anybody, and all are on the map', () => {
  for (let count = 1; count <= 9; count += 1) {
    const positions = homePositions(Array.from({ length: count }, (_, id) => id))
    expect(groupsOf(positions)).toHaveLength(1)
    for (const point of Object.values(positions)) expect(onMap(point)).toEqual(point)
  }
})

test('a page that is opened while servers are cut off shows them apart, so that moving one heals nothing', () => {
  for (const groups of [
    [[0, 1, 2]],
    [[0, 1], [2]],
    [[0], [1], [2]],
    [
      [0, 3],
      [1, 2, 4],
    ],
    [[0, 1], [2, 3], [4]],
    [[0], [1], [2], [3], [4]],
  ]) {
    const positions = restingPositions(groups)
    expect(groupsOf(positions)).toEqual(groups)
    for (const point of Object.values(positions)) expect(onMap(point)).toEqual(point)
  }
  // More groups than find room: as they are at home.
  const nine = Array.from({ length: 9 }, (_, id) => id)
  expect(restingPositions(nine.map((id) => [id]))).toEqual(homePositions(nine))
})

test('a server that is dragged away is cut from all the others, both ways', () => {
  const positions = {
    ...homePositions([0, 1, 2]),
    1: { x: mapSize.width - 22, y: mapSize.height - 22 },
    2: { x: 60, y: 60 },
    0: { x: 80, y: 110 },
  }
  const groups = groupsOf(positions)
  expect(groups).toEqual([[0, 2], [1]])
  expect(groupsText(groups)).toBe('0 2 | 1')
  const rules = withCuts([delay], pairsApart(groups))
  expect(rules.map(({ from, to, action }) => `${action} ${from} ${to}`)).toEqual([
    'drop 0 1',
    'drop 1 0',
    'drop 1 2',
    'drop 2 1',
    'delay client any',
  ])
  expect(cutsIn(rules)).toEqual([
    [0, 1],
    [1, 2],
  ])
  expect(withCuts(rules, [])).toEqual([delay])
})

test('servers that reach each other by way of another are together', () => {
  const row = { 0: { x: 40, y: 60 }, 1: { x: 40 + reach, y: 60 }, 2: { x: 40 + 2 * reach, y: 60 } }
  expect(groupsOf(row)).toEqual([[0, 1, 2]])
  expect(groupsOf({ ...row, 1: { x: 39 + reach, y: 60 } })).toEqual([[0, 1], [2]])
})

test('a rule in one direction is no cut, and stays when cuts are healed', () => {
  expect(cutsIn([oneWay])).toEqual([])
  expect(cutsIn([oneWay, { ...oneWay, from: 2, to: 0, count: 3 }])).toEqual([])
  expect(withoutCuts([oneWay, delay])).toEqual([oneWay, delay])
  expect(withCuts(withCuts([oneWay], [[0, 1]]), [])).toEqual([oneWay])
})

test('property: cuts that are put into rules are read out of them, and the groups are those of the positions', () => {
  const positions = fc
    .array(
      fc.record({
        x: fc.integer({ min: -50, max: mapSize.width + 50 }),
        y: fc.integer({ min: -50, max: mapSize.height + 50 }),
      }),
      { minLength: 1, maxLength: 7 },
    )
    .map((points) => Object.fromEntries(points.map((point, id) => [id, onMap(point)])))
  fc.assert(
    fc.property(positions, (at) => {
      const nodes = Object.keys(at).map(Number)
      const groups = groupsOf(at)
      expect(groups.flat().sort((a, b) => a - b)).toEqual(nodes)
      const cuts = pairsApart(groups)
      const rules = withCuts([delay], cuts)
      expect(cutsIn(rules)).toEqual(cuts)
      expect(groupsUnder(nodes, cuts)).toEqual(groups)
      for (const { x, y } of Object.values(at)) {
        expect(x).toBeGreaterThan(serverRadius)
        expect(y).toBeGreaterThan(serverRadius)
      }
    }),
  )
})

test('a server is cut from all others, and from none the next time', () => {
  const once = cutsWithout(1, [0, 1, 2], [[0, 1]])
  expect(once).toEqual([
    [0, 1],
    [1, 2],
  ])
  expect(cutsWithout(1, [0, 1, 2], [[0, 2], ...once])).toEqual([[0, 2]])
})

test('pairs are each named once', () => {
  expect(pairsOf([2, 0, 1])).toEqual([
    [0, 1],
    [0, 2],
    [1, 2],
  ])
})

test('the timers of the states in which the roles are, and of those around them, can be fired', () => {
  const machine = (state: string) => ({ state, context: null })
  const stands: RoleStates = {
    acceptor: machine('steady'),
    proposer: machine('accepting.helping'),
    learner: machine('catchingUp.asked'),
    requestQueue: machine('empty'),
    timekeeper: machine('idle'),
    auditor: machine('agreeing'),
    reader: machine('idle'),
  }
  expect(armedTimers(stands)).toContainEqual({
    from: 'proposer.accepting.helping',
    role: 'proposer',
    id: 'xstate.after.retransmitInterval.proposer.accepting.helping',
    delay: 'retransmitInterval',
  })
  expect(
    armedTimers({ ...stands, proposer: machine('leading') }).filter(({ role }) => role === 'proposer'),
  ).toEqual([])
  // Ids are made of names here: they must be those that XState makes.
  for (const machine of Object.values(roleMachines)) {
    for (const { from, trigger, transition } of edgesOf(machine)) {
      if (trigger.kind !== 'delay') continue
      expect((transition as { readonly eventType: string }).eventType).toBe(
        `xstate.after.${trigger.name}.${from}`,
      )
    }
  }
})
