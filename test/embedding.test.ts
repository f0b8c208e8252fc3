/** The server without I/O: what goes in, what comes out, and what it keeps back until a write is durable. */
import { describe, expect, test } from 'vitest'
import { defaultLimits } from '../machines/limits.ts'
import {
  afterPersisting,
  type Command,
  type CoreEffect,
  type CoreInput,
  chosenIn,
  EmbeddedNode,
  foundingMembers,
  kvService,
  type NodeId,
  nothingStored,
  type Outcome,
  type RequestMessage,
  type Service,
  type Stored,
} from '../src/embedding.ts'

const founders = foundingMembers([0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${7_000 + id}` })))

function request(uid: string, command: Command): RequestMessage {
  return { type: 'request', uid, ackedBelow: 1, requests: [{ seq: 1, command }] }
}

function put(uid: string, value: string): RequestMessage {
  return request(uid, { kind: 'service', body: { action: 'put', key: 'k', value } })
}

/** Three servers, between which the test carries everything. */
class Embedded {
  readonly nodes: EmbeddedNode[] = []
  readonly stored: Stored[] = [nothingStored, nothingStored, nothingStored]
  readonly outcomes = new Map<string, Outcome>()
  #timers: Extract<CoreEffect, { type: 'setTimer' }>[] = []
  readonly #open: { readonly server: NodeId; readonly effect: CoreEffect }[] = []
  /** The server that sends and receives nothing; `null` for none. */
  isAway: NodeId | null = null
  #nowMs = 0

  readonly #snapshotEvery: number

  constructor({ snapshotEvery = defaultLimits.snapshotEvery } = {}) {
    this.#snapshotEvery = snapshotEvery
    for (const { id } of founders) this.start(id)
  }

  start(id: NodeId): void {
    const { node, effects } = EmbeddedNode.start(
      {
        self: id,
        incarnation: founders[id]?.incarnation ?? '',
        founders,
        service: kvService as Service,
        stored: this.stored[id] ?? nothingStored,
        readChosen: (from) => chosenIn(this.stored[id] ?? nothingStored, from, 2),
        limits: { ...defaultLimits, snapshotEvery: this.#snapshotEvery },
        randomSeed: id,
      },
      this.#nowMs,
    )
    this.nodes[id] = node
    this.#keep(id, effects)
  }

  /** Opens a session at a server, and returns its uid. */
  open(id: NodeId, name: string): string {
    const message = request(name, { kind: 'open', ttlMs: 30_000 })
    this.give(id, { type: 'request', message, replyTo: name })
    this.settle()
    const outcome = this.outcomes.get(name)
    if (outcome?.kind !== 'executed') throw new Error(`no session was opened for ${name}`)
    return (outcome.result as { readonly uid: string }).uid
  }

  give(id: NodeId, input: CoreInput): readonly CoreEffect[] {
    this.#nowMs += 1
    const effects = this.nodes[id]?.take(input, this.#nowMs, 0) ?? []
    this.#keep(id, effects)
    return effects
  }

  /** Carries out everything but timers, until nothing is left. */
  settle(): void {
    for (let next = this.#open.shift(); next !== undefined; next = this.#open.shift()) {
      const { server, effect } = next
      if (server === this.isAway) continue
      if (effect.type === 'send') {
        const { to, names, message } = effect
        if (to === this.isAway) continue
        const from = founders[server]?.address ?? ''
        this.give(to, { type: 'message', sender: server, names, from, message })
      } else if (effect.type === 'persist') {
        this.stored[server] = afterPersisting(this.stored[server] ?? nothingStored, effect)
        this.give(server, { type: 'persisted', write: effect.write })
      } else if (effect.type === 'respond' && effect.message.type === 'response') {
        for (const { outcome } of effect.message.answers) {
          if (outcome.kind !== 'read' && outcome.kind !== 'unreadable') this.outcomes.set(effect.to, outcome)
        }
      }
    }
  }

  /** Fires the timers that a server sets from now on, until it sets none. */
  fireTimers(server: NodeId): void {
    for (let times = 0; times < 50; times += 1) {
      const timers = this.#timers.splice(0)
      for (const { role, id } of timers) this.give(server, { type: 'timer', role, id })
      this.settle()
    }
  }

  #keep(server: NodeId, effects: readonly CoreEffect[]): void {
    for (const effect of effects) if (effect.type === 'setTimer') this.#timers.push(effect)
    this.#open.push(...effects.map((effect) => ({ server, effect })))
  }
}

const kinds = (effects: readonly CoreEffect[]) => effects.map(({ type }) => type)

describe('a server without I/O', () => {
  test('executes a request once a quorum accepted it, and answers', () => {
    const cluster = new Embedded()
    const uid = cluster.open(0, 'a')
    cluster.give(0, { type: 'request', message: put(uid, 'green'), replyTo: 'client a' })
    cluster.settle()
    expect(cluster.outcomes.get('client a')).toMatchObject({ kind: 'executed', instance: 1 })
    expect(cluster.nodes[0]?.firstUnexecuted).toBe(2)
    expect(cluster.nodes[0]?.members).toEqual(founders)
  })

  test('takes snapshots, starts from one, and fetches one from another server', () => {
    const cluster = new Embedded({ snapshotEvery: 3 })
    const uid = cluster.open(0, 'a')
    const ask = (at: NodeId, seq: number) => {
      const body = { action: 'put', key: `k${seq % 5}`, value: 'v'.repeat(seq) }
      const message = {
        ...request(uid, { kind: 'service', body }),
        requests: [{ seq, command: { kind: 'service', body } as Command }],
      }
      cluster.give(at, { type: 'request', message, replyTo: `a#${seq}` })
      cluster.settle()
    }
    cluster.isAway = 2
    for (let seq = 1; seq <= 20; seq += 1) ask(0, seq)
    const { durable, chosen } = cluster.stored[0] ?? nothingStored
    expect(durable.floor).toBeGreaterThan(0)
    expect(chosen).toHaveLength(durable.firstUnchosen - durable.floor)
    // The leader begins again from its snapshot, and server 2 returns from an empty disk.
    cluster.isAway = null
    for (const id of [0, 2]) cluster.start(id)
    for (let seq = 21; seq <= 40; seq += 1) ask(seq % 2 === 0 ? 0 : 1, seq)
    expect(cluster.outcomes.get('a#40')).toMatchObject({ kind: 'executed' })
    cluster.fireTimers(2)
    expect(cluster.stored[2]?.durable.snapshot).not.toBeNull()
    expect(cluster.nodes[2]?.firstUnexecuted).toBeGreaterThanOrEqual(40)
    // All servers hold the same state: each starts again with it.
    for (const id of [0, 1, 2]) cluster.start(id)
    ask(2, 41)
    expect(cluster.outcomes.get('a#41')).toMatchObject({ kind: 'executed' })
  })

  test('keeps an answer of its acceptor back until the write is durable', () => {
    const cluster = new Embedded()
    const asked = cluster.give(0, { type: 'request', message: put('a', 'green'), replyTo: 'client a' })
    const prepare = asked.find((effect) => effect.type === 'send' && effect.to === 1)
    if (prepare?.type !== 'send') throw new Error('server 0 prepares nothing')
    const { names, message } = prepare
    const from = founders[0]?.address ?? ''
    const heard = cluster.give(1, { type: 'message', sender: 0, names, from, message })
    expect(kinds(heard)).toEqual(['persist'])
    const [persist] = heard
    if (persist?.type !== 'persist') throw new Error('nothing is persisted')
    const after = cluster.give(1, { type: 'persisted', write: persist.write })
    expect(after).toMatchObject([{ type: 'send', to: 0, message: { type: 'promise' } }])
  })

  test('goes on from what was stored', () => {
    const cluster = new Embedded()
    const uid = cluster.open(0, 'later')
    for (const value of ['green', 'blue']) {
      cluster.give(0, { type: 'request', message: put(cluster.open(0, value), value), replyTo: 'put' })
      cluster.settle()
    }
    cluster.start(0)
    expect(cluster.nodes[0]?.firstUnexecuted).toBe(5)
    cluster.give(0, { type: 'request', message: put(uid, 'red'), replyTo: 'later' })
    cluster.settle()
    expect(cluster.outcomes.get('later')).toMatchObject({
      kind: 'executed',
      result: { version: 3 },
    })
  })

  test('a timer that was cancelled or has fired does nothing', () => {
    const cluster = new Embedded()
    const asked = cluster.give(0, { type: 'request', message: put('a', 'green'), replyTo: 'client a' })
    const timer = asked.find((effect) => effect.type === 'setTimer')
    if (timer?.type !== 'setTimer') throw new Error('no timer is set')
    const { role, id } = timer
    cluster.settle()
    expect(cluster.give(0, { type: 'timer', role, id })).toEqual([])
    expect(cluster.give(0, { type: 'timer', role, id: 'never set' })).toEqual([])
  })
})
