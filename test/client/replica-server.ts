/** A cluster of one, at a fake server. */
import { vi } from 'vitest'
import type { Command, Json, NamedRequest } from '../../machines/batch.ts'
import type { ReadMessage, ServerMessage } from '../../machines/messages.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { Replica } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import { type Asked, type FakeServer, queued, response } from './fake-server.ts'

const operator = 'operator@0'

/**
 * A replica that executes each request when it comes, at a time that the test lets pass. One client at most may wait: the answers to
 * delayed requests go to the client that was heard last.
 */
export class ReplicaServer {
  readonly replica: Replica
  readonly #server: FakeServer
  /** The requests of the client that wait, by the key that wakes them. */
  readonly #waiting = new Map<string | null, Asked>()
  /** Since the last batch. */
  #elapsedMs = 0
  #operatorSeq = 0

  constructor(server: FakeServer, service: Service) {
    this.#server = server
    this.replica = new Replica({
      service,
      members: [{ id: 0, address: '127.0.0.1:1', incarnation: 'x' }],
      sessions: [operator],
    })
    this.answer()
  }

  /** Answers requests. */
  answer(): void {
    this.#server.script = (message) => {
      if (message.type === 'read') return [this.#readings(message)]
      return message.type === 'request' ? this.#answersTo(message) : []
    }
    this.#server.opening = (asked) => this.#answersTo(asked)
  }

  /** Answers no request, and executes none. */
  beSilent(): void {
    this.#server.script = () => []
    this.#server.opening = () => []
  }

  pass(ms: number): void {
    this.#elapsedMs += ms
    vi.advanceTimersByTime(ms)
  }

  /** Has an empty batch executed, as at a deadline, and answers the requests that end or wake with it. */
  keepTime(): void {
    this.#executeBatch([])
  }

  /** Has a command of a session without a ttl executed. Returns its result, or how else it ended. */
  operate(body: Json): Json {
    return this.ask(operator, { kind: 'service', body })
  }

  /** Opens a session of another client. Returns its uid. */
  open(name: string, ttlMs: number): string {
    const outcome = this.execute({ uid: name, seq: 1, ackedBelow: 1, command: { kind: 'open', ttlMs } })
    return outcome?.kind === 'executed' ? String(Object(outcome.result).uid) : ''
  }

  /** Has a command executed for a session. Returns its result, or how else it ended. */
  ask(uid: string, command: Command): Json {
    this.#operatorSeq += 1
    const outcome = this.execute({ uid, seq: this.#operatorSeq, ackedBelow: 1, command })
    if (outcome === null) return 'waits'
    return outcome.kind === 'executed' ? outcome.result : outcome.kind
  }

  /** Has the request chosen, alone, and executed. Returns its outcome; `null` when it waits. */
  execute(request: NamedRequest): Outcome | null {
    return this.#executeBatch([request])
  }

  #readings({ uid, reads }: ReadMessage): ServerMessage {
    const answers = reads.map(({ seq, body }) => ({ seq, outcome: this.replica.read(body) }))
    return { type: 'response', uid, answers }
  }

  #answersTo(asked: Asked) {
    const outcome = this.execute(asked)
    return [outcome === null ? queued(asked) : response(asked, outcome)]
  }

  #executeBatch(requests: readonly NamedRequest[]): Outcome | null {
    const groups = requests.map(({ uid, seq, ackedBelow, command }) => {
      return { uid, ackedBelow, heldBy: 0, requests: [{ seq, command }] }
    })
    const batch = { node: 0, elapsedMs: this.#elapsedMs, groups }
    this.#elapsedMs = 0
    const { outcomes, freed } = this.replica.execute(this.replica.firstUnexecuted, batch)
    let own: Outcome | null = null
    for (const { uid, seq, outcome } of outcomes) {
      const asked = requests.find((request) => request.uid === uid && request.seq === seq)
      if (outcome.kind === 'full') throw new Error(`there is no room for ${uid} ${seq}`)
      if (outcome.kind === 'delayed') {
        if (asked !== undefined && 'type' in asked) this.#waiting.set(outcome.key, asked as Asked)
        continue
      }
      if (asked !== undefined) own = outcome
      this.#endWait(uid, seq, outcome)
    }
    for (const key of freed) {
      const woken = this.#waiting.get(key)
      if (woken !== undefined) this.#executeBatch([woken])
    }
    return own
  }

  #endWait(uid: string, seq: number, outcome: Outcome): void {
    for (const [key, asked] of this.#waiting) {
      if (asked.uid !== uid || asked.seq !== seq) continue
      this.#waiting.delete(key)
      this.#server.say([response(asked, outcome)])
    }
  }
}
