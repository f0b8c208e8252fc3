/** A service that sets the timers of its commands, and a replica of it beside a simple model of timers. */
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import type { Replica } from '../../src/services/replica.ts'
import type { Service, TimerChange } from '../../src/services/service.ts'
import { replicasOf } from '../../src/stepped/replicas.ts'
import { ask, body, run, testSessions, threeMembers } from './driver.ts'

interface State {
  /** What the service was told, in order. */
  readonly told: readonly Json[]
}

interface Command {
  readonly timers?: readonly TimerChange[]
  readonly waitFor?: string
  readonly fails?: boolean
}

/** Sets the timers of a command. A timer whose name is `again N` sets itself again, and one whose name is `free K` frees the key K. */
const alarms: Service<State, Command, Json> = {
  name: 'alarms',
  initial: () => ({ told: [] }),
  parse: (body) => body as Command,
  execute(state, { timers = [], waitFor, fails = false }) {
    if (waitFor !== undefined && !state.told.includes(`free ${waitFor}`)) {
      return { kind: 'delayed', state, key: waitFor, timers }
    }
    if (fails) throw new Error('refused after the wait')
    return { kind: 'executed', state, result: null, timers }
  },
  timerFired(state, name, { instance, clockMs }) {
    if (name === 'broken') throw new TypeError('a bug')
    if (name === 'odd') return { state: Promise.resolve() } as never
    const told = { told: [...state.told, name, instance, clockMs] }
    const again = /^again (\d+)$/.exec(name)
    const freed = /^free (.*)$/.exec(name)
    return {
      state: told,
      ...(again && { timers: [{ name, afterMs: Number(again[1]) }] }),
      ...(freed && { freed: [freed[1]!] }),
    }
  },
  requestEnded: (state, request, { instance }) => ({
    state: { told: [...state.told, `${request.uid} ${request.seq}`, instance] },
  }),
  snapshot: (state) => [{ ...state }],
  restore: ([state]) => state as never,
}

export const alarmService = alarms as Service

/** What the service was told. */
export function told(replica: Replica): readonly Json[] {
  return (replica.view() as unknown as { json: State }).json.told
}

const name = fc.constantFrom('a', 'b', 'c', 'again 7', 'free k', 'broken')
const change = fc.record({ name, afterMs: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 30 })) })

/** The batches of a replica: each first advances the clock, and then sets timers. */
export const alarmSteps = fc.array(
  fc.record({ timers: fc.array(change, { maxLength: 4 }), elapsedMs: fc.nat(25) }),
  { maxLength: 20 },
)

type AlarmSteps = typeof alarmSteps extends fc.Arbitrary<infer Steps> ? Steps : never

export const alarmReplicas = replicasOf({
  service: alarmService,
  members: threeMembers,
  sessions: testSessions,
})

/** Throws where a replica does otherwise than the model. It is restored from a snapshot before step `restoreAt`. */
export function runBesideModel(steps: AlarmSteps, restoreAt: number, replicas = alarmReplicas): void {
  let replica = replicas.initial()
  let set: { name: string; deadlineMs: number }[] = []
  const put = ({ name, afterMs }: TimerChange, clockMs: number) => {
    set = set.filter((timer) => timer.name !== name)
    if (afterMs !== null) set.push({ name, deadlineMs: clockMs + afterMs })
  }
  steps.forEach(({ timers, elapsedMs }, place) => {
    if (place === restoreAt) replica = replicas.restore(replica.snapshot())
    const clockMs = replica.clockMs + elapsedMs
    const expected: string[] = []
    for (;;) {
      const due = set.filter(({ deadlineMs }) => deadlineMs <= clockMs)
      const earliest = Math.min(...due.map(({ deadlineMs }) => deadlineMs))
      const first = due.find(({ deadlineMs }) => deadlineMs === earliest)
      if (first === undefined) break
      expected.push(first.name)
      put({ name: first.name, afterMs: first.name === 'again 7' ? 7 : null }, clockMs)
    }
    const { fired, deadlineMs } = run(replica, [ask('a@0', place + 1, body({ timers } as never))], {
      clockMs,
    })
    for (const change of timers) put(change, clockMs)
    expect(fired.map((timer) => timer.name)).toEqual(expected)
    expect(deadlineMs).toBe(set.length === 0 ? null : Math.min(...set.map((timer) => timer.deadlineMs)))
  })
}
