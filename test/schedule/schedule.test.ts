import { describe, expect, test } from 'vitest'
import { drawRandom } from '../../machines/random.ts'
import { applyEvent, foundCluster } from '../../src/schedule/apply.ts'
import { serverAskedBy } from '../../src/schedule/client.ts'
import {
  type ClusterSettings,
  type ClusterState,
  clusterSettings,
  foundedCluster,
} from '../../src/schedule/cluster.ts'
import type { ClusterEvent } from '../../src/schedule/events.ts'
import { Judge } from '../../src/schedule/judge.ts'
import { possibleEvents } from '../../src/schedule/possible.ts'
import { nextInOrder } from '../../src/schedule/settle.ts'
import { lockCommand, unlockCommand } from '../../src/services/lock-commands.ts'
import type { EventCommand } from '../../src/transcript/command.ts'
import { parseCommand } from '../../src/transcript/parse.ts'
import { eventsOf, eventText } from '../../src/transcript/resolve.ts'

const settings = { ...clusterSettings(3), digestEvery: 1 }
const lock = (name: string) => ({ kind: 'service', body: lockCommand(name) }) as const
const unlock = (name: string) => ({ kind: 'service', body: unlockCommand(name) }) as const

function founded(): ClusterState {
  return foundCluster(settings).state
}

function apply(state: ClusterState, ...events: readonly ClusterEvent[]): ClusterState {
  return events.reduce((before, event) => applyEvent(before, event, settings).state, state)
}

function settled(state: ClusterState): ClusterState {
  for (let current = state; ; ) {
    const event = nextInOrder(current, { withTimers: true })
    if (event === null) return current
    current = apply(current, event)
  }
}

const outcomesIn = ({ clients }: ClusterState) =>
  clients.flatMap(({ requests }) => requests.map(({ outcome }) => outcome))

describe('a schedule', () => {
  test('goes back and takes another turn: a state is a value', () => {
    const begun = apply(founded(), { type: 'request', client: 'a', server: 0, command: lock('x') })
    const text = JSON.stringify(begun)
    const one = settled(begun)
    const other = settled(apply(begun, { type: 'request', client: 'b', server: 1, command: lock('x') }))
    expect(JSON.stringify(begun)).toBe(text)
    expect(outcomesIn(one)).toHaveLength(1)
    expect(outcomesIn(other)).toHaveLength(2)
    expect(JSON.stringify(settled(begun))).toBe(JSON.stringify(one))
  })

  test('refuses what cannot happen', () => {
    const state = founded()
    const refused: readonly [ClusterEvent, RegExp][] = [
      [{ type: 'deliver', flight: 7 }, /no datagram 7/],
      [{ type: 'sync', server: 0 }, /no sync is under way/],
      [{ type: 'restart', server: 0 }, /is running/],
      [{ type: 'crash', server: 3, survived: 0 }, /no server 3/],
      [{ type: 'crash', server: 0, survived: 1 }, /0 writes were not synced/],
      [{ type: 'join', server: 4 }, /next number is 3/],
      [{ type: 'join', server: 1 }, /is running/],
      [{ type: 'resend', client: 'a', seq: 1, server: 0 }, /no request a#1/],
      [{ type: 'timer', server: 0, role: 'proposer', id: 'never' }, /no timer never/],
      [{ type: 'client.timer', client: 'a', id: 'never' }, /no client a/],
    ]
    for (const [event, reason] of refused) expect(() => apply(state, event)).toThrow(reason)
    const asking = apply(state, { type: 'request', client: 'a', server: 0, command: lock('x') })
    expect(() => apply(asking, { type: 'request', client: 'a', server: 1, command: lock('y') })).toThrow(
      'a asks server 0: its session has open requests',
    )
  })

  test('a client fails over when its server is gone, and its request is executed once', () => {
    const asked = apply(founded(), { type: 'request', client: 'a', server: 0, command: lock('x') })
    const state = settled(apply(asked, { type: 'crash', server: 0, survived: 0 }))
    expect(outcomesIn(state)).toEqual([{ kind: 'executed', result: { token: 1 }, instance: 0, index: 0 }])
    expect(state.nowMs).toBeGreaterThanOrEqual(settings.clientTiming.minFailoverMs)
  })

  test('a client without open requests asks another server, under the same session', () => {
    const first = settled(apply(founded(), { type: 'request', client: 'a', server: 0, command: lock('x') }))
    const second = apply(first, { type: 'request', client: 'a', server: 1, command: unlock('x') })
    expect(second.flying.map(({ to, message }) => [to, message])).toMatchObject([
      [1, { uid: 'a@0', ackedBelow: 2, requests: [{ seq: 2 }] }],
    ])
    expect(outcomesIn(settled(second))).toMatchObject([{ kind: 'executed' }, { kind: 'executed' }])
  })

  test('what was ended is acknowledged with the next request, and a request that was given up is answered no more', () => {
    const answered = settled(
      apply(founded(), { type: 'request', client: 'a', server: 0, command: lock('x') }),
    )
    const next = apply(
      answered,
      { type: 'request', client: 'a', server: 0, command: unlock('x') },
      { type: 'give.up', client: 'a', seq: 2 },
    )
    expect(next.flying.map(({ message }) => message)).toMatchObject([
      { ackedBelow: 2, requests: [{ seq: 2 }] },
    ])
    expect(outcomesIn(settled(next)).at(-1)).toBe('given up')
  })
})

/** So many chosen at random of all that can happen, among them requests; nothing broken, and each event is its own text. */
function wander(seed: number, steps: number, cluster: ClusterSettings): ClusterState {
  let random = seed
  const draw = (below: number) => {
    const drawn = drawRandom(random)
    random = drawn.seed
    return Math.floor(drawn.value * below)
  }
  const judge = Judge.begin(cluster, 'lock')
  const begun = foundCluster(cluster)
  judge.judge(foundedCluster(cluster), begun)
  let { state } = begun
  for (let step = 0; step < steps; step += 1) {
    const possible = possibleEvents(state)
    const isAsking = draw(12) === 0 || possible.length === 0
    const [client, drawn] = [`c${draw(3)}`, draw(3)]
    const event: ClusterEvent | undefined = isAsking
      ? {
          type: 'request',
          client,
          server: serverAskedBy(state, client) ?? drawn,
          command: (draw(2) === 0 ? lock : unlock)('x'),
        }
      : possible[draw(possible.length)]
    if (event === undefined) continue
    expect(eventsOf(state, parseCommand(eventText(state, event)) as EventCommand)).toEqual([event])
    const next = applyEvent(state, event, cluster)
    judge.judge(state, next)
    state = next.state
  }
  return state
}

describe('events chosen at random', () => {
  test.each([
    1, 2, 3, 4,
  ])('seed %i: nothing is broken, and every event has a text that leads back to it', (seed) => {
    const state = wander(seed, 400, settings)
    expect(state.servers.some(({ starts }) => starts > 1)).toBe(true)
  })
})
