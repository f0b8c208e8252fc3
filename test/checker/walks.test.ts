/**
 * A search of named bounds finds what is recorded; and it loses nothing: whole nodes go through schedules of chance, with nothing reduced and nothing remembered, and the search of the
 * same bounds has met all that the invariants come to know on the way. So the reductions lose nothing where a search without them
 * would take too long.
 */
import { expect, test } from 'vitest'
import { namedRequests } from '../../machines/batch.ts'
import { drawRandom } from '../../machines/random.ts'
import type { Bounds } from '../../src/checker/bounds.ts'
import { reportOf } from '../../src/checker/check.ts'
import { CheckedCluster } from '../../src/checker/cluster.ts'
import { instanceOf } from '../../src/checker/datagrams.ts'
import type { CheckedEvent } from '../../src/checker/events.ts'
import { namedBounds } from '../../src/checker/named-bounds.ts'
import { Search } from '../../src/checker/search.ts'
import type { Fact } from '../../src/core/facts.ts'
import { unsyncedWrites } from '../../src/stepped/disk.ts'
import { usualNodeSettings } from '../../src/stepped/settings.ts'
import { type NodeState, type NodeStep, neverStarted } from '../../src/stepped/state.ts'
import { Invariants } from '../../src/verify/invariants.ts'
import { smallest } from './bounds.ts'
import { expectRecorded } from './recorded.ts'

type Delivery = Extract<CheckedEvent, { type: 'deliver' }>

/** One schedule of chance. */
class Walk {
  readonly #bounds: Bounds
  readonly #cluster: CheckedCluster
  readonly #invariants: Invariants
  readonly #nodes: NodeState[]
  readonly #said = new Map<string, Delivery>()
  #crashes = 0
  #seed: number
  /** `null` when the invariants have observed something since it was written. */
  #knowledge: string | null = null

  constructor(bounds: Bounds, seed: number) {
    this.#bounds = bounds
    this.#seed = seed
    this.#cluster = new CheckedCluster(bounds, usualNodeSettings.stepper)
    this.#invariants = Invariants.begin({
      ...{ founders: this.#cluster.founders, service: 'lock' },
      mayRead: false,
    })
    this.#nodes = this.#cluster.servers.map(() => neverStarted)
    for (const server of this.#cluster.servers) this.#take({ type: 'start', server })
  }

  /** What the invariants know. */
  get knowledge(): string {
    this.#knowledge ??= this.#invariants.toJson()
    return this.#knowledge
  }

  /** Takes one of the events that are possible; those that change no node are seldom worth it, so a node's own come first. */
  step(): void {
    const own = this.#nodes.flatMap((node, server) => this.#ownEvents(node, server))
    const heard = [...this.#said.values()].filter(({ server }) => this.#nodes[server]?.running !== null)
    const requests = this.#bounds.requests.flatMap(({ client, seq, servers }) =>
      servers
        .filter((server) => this.#nodes[server]?.running !== null)
        .map((server): CheckedEvent => ({ type: 'request', server, client, seq })),
    )
    const kinds = [own, heard, heard, heard, requests].filter((events) => events.length > 0)
    this.#take(this.#pick(this.#pick(kinds)))
  }

  #ownEvents({ disk, running }: NodeState, server: number): CheckedEvent[] {
    if (running === null) return [{ type: 'start', server }]
    const timers = running.timers.map(({ role, id }): CheckedEvent => ({ type: 'timer', server, role, id }))
    const sync: CheckedEvent[] = disk.syncing.length > 0 ? [{ type: 'sync', server }] : []
    const mayCrash = this.#crashes < this.#bounds.crashes && this.#bounds.crashing.includes(server)
    const survived = Math.floor(this.#random() * (unsyncedWrites(disk) + 1))
    return [...timers, ...sync, ...(mayCrash ? [{ type: 'crash' as const, server, survived }] : [])]
  }

  #take(event: CheckedEvent): void {
    const { server } = event
    const step = this.#cluster.apply(
      server,
      this.#nodes[server] ?? neverStarted,
      this.#cluster.nodeEvent(event),
    )
    if (this.#isBeyond(step)) return
    this.#nodes[server] = step.state
    if (event.type === 'crash') this.#crashes += 1
    if (event.type === 'request') {
      const message = this.#cluster.requestMessage(event.client, event.seq, server)
      for (const request of namedRequests(message)) this.#observe({ type: 'requested', request })
    }
    for (const fact of step.facts) this.#observe(fact)
    for (const { to, names, message } of step.sends) {
      if (instanceOf(message) >= this.#bounds.instances) continue
      this.#said.set(JSON.stringify([server, to, names, message]), {
        type: 'deliver',
        server: to,
        from: server,
        names,
        message,
      })
    }
  }

  #observe(fact: Fact): void {
    this.#knowledge = null
    this.#invariants.observe(fact)
  }

  #isBeyond({ facts }: NodeStep): boolean {
    return facts.some(
      (fact) =>
        fact.type === 'said' &&
        fact.message.type === 'prepare' &&
        fact.message.ballot.round > this.#bounds.rounds,
    )
  }

  #random(): number {
    const { seed, value } = drawRandom(this.#seed)
    this.#seed = seed
    return value
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)] as T
  }
}

const single = namedBounds.find(({ name }) => name === 'single')?.bounds ?? smallest

const others: Readonly<Record<string, Bounds>> = {
  'single, of which one server crashes': { ...single, crashing: [0] },
  'syncs at any time': {
    ...smallest,
    rounds: 2,
    instances: 2,
    syncs: 'anyTime',
    crashes: 1,
    crashing: [0, 1],
  },
}

/** Those of the quickly searched bounds that are also walked. */
const walked = namedBounds.filter(({ name }) =>
  ['ballots', 'pair', 'removal', 'handOverCrash'].includes(name),
)

/** Searches within the bounds, and expects that the search has met what schedules of chance bring. Returns the search. */
function searchedAndWalked(bounds: Bounds): Search {
  const search = new Search({ bounds })
  while (!search.run(10_000));
  const known = new Set(search.knowledge)
  const met = new Set<string>()
  for (let seed = 1; seed <= 250; seed += 1) {
    const walk = new Walk(bounds, seed)
    for (let step = 0; step < 80; step += 1) {
      walk.step()
      met.add(walk.knowledge)
    }
  }
  expect([...met].filter((knowledge) => !known.has(knowledge))).toEqual([])
  // The walks are long and various enough to mean something.
  expect(met.size).toBeGreaterThan(known.size / 20)
  return search
}

test.each(walked)('what chance brings was met by the search, which finds what is recorded: $name: $about', ({
  bounds,
  reaches,
  counted,
}) => {
  expectRecorded(reportOf(searchedAndWalked(bounds), true, { bounds, reaches }), counted)
})

test.each(Object.entries(others))(
  'what chance brings was met by the search: %s',
  (_, bounds) => {
    searchedAndWalked(bounds)
  },
  120_000,
)
