/** The server without I/O: what goes in, what comes out, and what it keeps back until a write is durable. */
import { describe, expect, test } from 'vitest'
import {
  afterPersisting,
  type Command,
  type CoreEffect,
  type CoreInput,
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
  readonly #open: { readonly server: NodeId; readonly effect: CoreEffect }[] = []
  #nowMs = 0

  constructor() {
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
        readChosen: (from) => this.stored[id]?.chosen.slice(from) ?? [],
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
      if (effect.type === 'send') {
        const { to, names, message } = effect
        const from = founders[server]?.address ?? ''
        this.give(to, { type: 'message', sender: server, names, from, message })
      } else if (effect.type === 'persist') {
        this.stored[server] = afterPersisting(this.stored[server] ?? nothingStored, effect.write)
        this.give(server, { type: 'persisted', write: effect.write })
      } else if (effect.type === 'respond' && effect.message.type === 'response') {
        for (const { outcome } of effect.message.answers) {
          if (outcome.kind !== 'read' && outcome.kind !== 'unreadable') this.outcomes.set(effect.to, outcome)
        }
      }
    }
  }

  #keep(server: NodeId, effects: readonly CoreEffect[]): void {
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
