/**
 * Every state that waits for another server has a way out that does not depend on it: wherever a cluster is, servers fall silent for
 * good, and every request ends without them.
 *
 * `npm run soak` tries more, and `SILENCE_SCHEDULES=200 npx vitest run test/schedule/silence.test.ts` still more; `SILENCE_SEED=1000`
 * tries others. A failure is printed as a transcript, which `paxos transcript FILE` runs again where its `acceptedWindow` is the usual one.
 */
import { describe, expect, test } from 'vitest'
import { type AnyStateMachine, enqueueActions } from 'xstate'
import { type AcceptorContext, acceptorMachine } from '../../machines/acceptor.ts'
import type { Command, NodeId } from '../../machines/batch.ts'
import type { Heard } from '../../machines/inbox.ts'
import { learnerMachine } from '../../machines/learner.ts'
import { defaultLimits } from '../../machines/limits.ts'
import type { Accept, Prepare } from '../../machines/messages.ts'
import { drawRandom } from '../../machines/random.ts'
import { Search } from '../../src/checker/search.ts'
import { transcriptOf } from '../../src/checker/transcript.ts'
import { applyEvent, foundCluster } from '../../src/schedule/apply.ts'
import {
  type ClusterSettings,
  type ClusterState,
  clusterSettings,
  foundedCluster,
} from '../../src/schedule/cluster.ts'
import type { ClusterEvent } from '../../src/schedule/events.ts'
import { Judge } from '../../src/schedule/judge.ts'
import { writeTranscript } from '../../src/transcript/write.ts'
import { three } from '../checker/bounds.ts'
import { faultyRole } from '../mutations/mutation.ts'
import { runRandomSchedule } from '../support/random-schedule.ts'
import { fallSilent, lock, unlock } from '../support/silence.ts'

/** Schedules of chance in each world. */
const schedules = Number(process.env.SILENCE_SCHEDULES ?? 1)
const firstSeed = Number(process.env.SILENCE_SEED ?? 1)
const seeds = Array.from({ length: schedules }, (_, offset) => firstSeed + offset)

interface World {
  readonly servers: number
  /** How many fall silent together. */
  readonly silent: number
  readonly acceptedWindow: number
  /** What clients ask for, drawn. */
  readonly commands: readonly Command[]
}

const remove = (id: NodeId): Command => ({ kind: 'members', change: { action: 'remove', id } })
const locks = [lock('x'), lock('x'), unlock('x'), unlock('x')]
const threeServers: World = {
  servers: 3,
  silent: 1,
  acceptedWindow: defaultLimits.acceptedWindow,
  commands: locks,
}

/** In each of them a server that is down may lose its disk, and another asks to be admitted in its place. */
const worlds: Readonly<Record<string, World>> = {
  'three servers': threeServers,
  'three servers that accept at two instances': { ...threeServers, acceptedWindow: 2 },
  'four servers, one of which may be removed': {
    ...threeServers,
    servers: 4,
    acceptedWindow: 4,
    commands: [...locks, ...locks, remove(3)],
  },
  'five servers, two of which fall silent': { ...threeServers, servers: 5, silent: 2, acceptedWindow: 4 },
}

/** A fault that is planted in a cluster. */
interface Fault {
  readonly name: string
  plant(settings: ClusterSettings): ClusterSettings
}

/** A state, and the way to it. */
interface Reached {
  readonly events: readonly ClusterEvent[]
  readonly state: ClusterState
  readonly judge: Judge
}

interface Tried {
  readonly states: number
  /** Trials in which every request ended, and those in which the rest of the servers was no quorum. */
  readonly ended: number
  readonly 'no quorum': number
}

function settingsOf({ servers, acceptedWindow }: World, fault: Fault | null = null): ClusterSettings {
  const usual = clusterSettings(servers)
  const settings = { ...usual, limits: { ...usual.limits, acceptedWindow } }
  return fault === null ? settings : fault.plant(settings)
}

/** The state after those events. */
function reached(settings: ClusterSettings, events: readonly ClusterEvent[]): Reached {
  const judge = Judge.begin(settings, 'lock')
  const founded = foundCluster(settings)
  judge.judge(foundedCluster(settings), founded)
  let { state } = founded
  for (const event of events) {
    const step = applyEvent(state, event, settings)
    judge.judge(state, step)
    state = step.state
  }
  return { events, state, judge }
}

/** Every so many events of a schedule of chance. */
function reachedByChance(settings: ClusterSettings, { commands }: World, seed: number): readonly Reached[] {
  const taken: Reached[] = []
  const judge = Judge.begin(settings, 'lock')
  const events: ClusterEvent[] = []
  runRandomSchedule({
    seed,
    settings,
    events: 150,
    clients: 3,
    command: (random) => commands[Math.floor(random * commands.length)] as Command,
    watch(event, before, step) {
      judge.judge(before, step)
      if (event === null) return
      events.push(event)
      if (events.length % 30 === 0)
        taken.push({ events: [...events], state: step.state, judge: judge.copy() })
    },
  })
  return taken
}

/** Each server in turn, and with it as many others, drawn, as fall silent together. */
function silentOnes({ servers }: ClusterState, count: number, seed: number): readonly (readonly NodeId[])[] {
  return servers.map(({ id }) => {
    const others = servers.map((server) => server.id).filter((other) => other !== id)
    const offset = Math.floor(drawRandom(seed + id).value * others.length)
    return [id, ...others.slice(offset), ...others.slice(0, offset)].slice(0, count)
  })
}

/** From each state each server falls silent; every second time the others have come to rely on it. Throws with the transcript. */
function tryAll(
  world: World,
  states: readonly { readonly seed: number; readonly from: Reached }[],
  fault: Fault | null = null,
): Tried {
  const settings = settingsOf(world, fault)
  const tried = { states: states.length, ended: 0, 'no quorum': 0 }
  let trials = firstSeed
  for (const { seed, from } of states) {
    for (const silent of silentOnes(from.state, world.silent, seed)) {
      trials += 1
      const isLeaning = trials % 2 === 0 || from.events.length === 0
      const { verdict, events } = fallSilent({ ...from, settings, silent, isLeaning, seed: seed + trials })
      if (verdict instanceof Error) {
        const about = [
          `seed ${seed}, after ${from.events.length} events: ${silent.join(' and ')} silent for good`,
          `acceptedWindow ${world.acceptedWindow}`,
          verdict.message,
        ]
        const schedule = { servers: world.servers, about, events: [...from.events, ...events] }
        const { text } = writeTranscript(schedule, { adapt: () => settings })
        throw new Error(`${verdict.message}\n\n${text}`)
      }
      tried[verdict] += 1
    }
  }
  return tried
}

/** A cluster in which nothing has happened yet, again and again. */
function foundings(world: World, count: number, fault: Fault | null = null) {
  const from = reached(settingsOf(world, fault), [])
  return Array.from({ length: count }, (_, offset) => ({ seed: 1_000 * (firstSeed + offset), from }))
}

const timeoutMs = 60_000 + schedules * 30_000

describe('every request ends without the servers that fall silent', () => {
  test.each(Object.entries(worlds))(
    'wherever chance has led: %s',
    (_, world) => {
      const settings = settingsOf(world)
      const states = seeds.flatMap((seed) =>
        reachedByChance(settings, world, seed).map((from) => ({ seed, from })),
      )
      const { ended } = tryAll(world, states)
      expect(ended).toBeGreaterThan(states.length)
    },
    timeoutMs,
  )

  test.each(Object.entries(worlds))(
    'when the others have come to rely on them: %s',
    (_, world) => {
      const { ended } = tryAll(world, foundings(world, 2 * schedules))
      expect(ended).toBe(2 * schedules * world.servers)
    },
    timeoutMs,
  )

  test(
    'in states that a search reaches, of two duelling servers of three',
    () => {
      const search = new Search({ bounds: three })
      search.run(4_000)
      const { states } = search.stats
      const stride = Math.floor(states / (8 * schedules))
      const settings = settingsOf(threeServers)
      const some = Array.from({ length: 8 * schedules }, (_, place) => {
        const { events } = transcriptOf(three, search.wayTo(place * stride + (firstSeed % stride)), []).run
        return { seed: place, from: reached(settings, events) }
      })
      const { ended } = tryAll(threeServers, some)
      expect(ended).toBe(some.length * 3)
    },
    timeoutMs,
  )
})

/** Its limit counts what is accepted, not how far that is from what is known; and it refuses without a word. */
const countsRecords: AnyStateMachine = acceptorMachine.provide({
  guards: {
    instanceIsBeyondWindow: ({ context }, heard) =>
      heard.instance >= context.firstUnchosen + context.limits.acceptedWindow || lacksRoom(context, heard),
  },
  actions: {
    sendDenial: enqueueActions(({ context, enqueue }, heard: Heard<Prepare> | Heard<Accept>) => {
      if (heard.type === 'accept' && lacksRoom(context, heard)) return
      const { ballot, sender: to } = heard
      const { promised, firstUnchosen } = context
      const instance = heard.type === 'prepare' ? heard.from : heard.instance
      enqueue.emit({
        type: 'send',
        to,
        message: { type: 'denial', ballot, instance, promised, firstUnchosen },
      })
    }),
  },
})

function lacksRoom({ accepted, limits }: AcceptorContext, { instance }: { instance: number }): boolean {
  return (
    accepted.length >= limits.acceptedWindow / 2 && accepted.every((record) => record.instance !== instance)
  )
}

/** Its patience has no end. That of the learner has: the two have the same number of tries. */
const waitsForEver: Fault = {
  name: 'a proposer that waits for ever for what nobody can tell',
  plant(settings) {
    const { patientTries } = settings.timing
    const learner = learnerMachine.provide({
      guards: { hasAskedEnough: ({ context }) => context.tries >= patientTries },
    })
    return {
      ...settings,
      timing: { ...settings.timing, patientTries: Number.MAX_SAFE_INTEGER },
      machines: { ...settings.machines, learner },
    }
  },
}

const faults: readonly Fault[] = [
  faultyRole(
    'a learner that asks for ever for what nobody knows',
    'learner',
    learnerMachine.provide({ guards: { hasAskedEnough: () => false } }),
  ),
  waitsForEver,
  faultyRole('an acceptor that counts records, and refuses in silence', 'acceptor', countsRecords),
]

describe('it is found that there is no way out of', () => {
  test.each(faults.map((fault) => [fault.name, fault] as const))(
    '%s',
    (_, fault) => {
      const world = { ...threeServers, acceptedWindow: 4 }
      expect(() => tryAll(world, foundings(world, 60, fault), fault)).toThrow(/^invariant 1[12] /)
    },
    120_000,
  )
})
