/** A server receives a snapshot in a simulated cluster, and crashes at each step. The next process goes on with what was kept. */
import { describe, expect, test } from 'vitest'
import { defaultLimits } from '../../machines/limits.ts'
import type { Service } from '../../src/services/service.ts'
import { SimulatedCluster } from '../../src/simulator/cluster.ts'
import type { Unsynced } from '../../src/simulator/files.ts'
import type { Situation } from '../../src/simulator/situations.ts'

/** Keeps every text that it receives, each in a row of its snapshot. */
const notes: Service<readonly string[], string, number> = {
  name: 'notes',
  initial: () => [],
  parse: (body) => String(body),
  execute: (state, text) => ({ kind: 'executed', state: [...state, text], result: state.length }),
  snapshot: (state) => state,
  restore: (rows) => [...rows].map(String),
}

/** The chunks of simulated servers; each of them is made durable when it is kept. */
const chunkBytes = 500

/** Three servers, of which server 2 was away while the others took snapshots and deleted what it needs. */
class Late {
  readonly cluster: SimulatedCluster
  readonly met: Situation[] = []
  /** The offsets from which server 2 asks for chunks since its last start, and the chunks that are sent to it, by their offsets. */
  asked: number[] = []
  #sent = new Map<number, number>()
  /** The chunks that it has kept, since its last start. */
  kept = 0
  lengthBytes = 0
  readonly #client

  constructor(seed: number) {
    this.cluster = new SimulatedCluster({
      ...{ seed, servers: 3, service: notes as Service, digestEvery: 1 },
      limits: { ...defaultLimits, snapshotEvery: 8 },
      met: (situation) => this.met.push(situation),
      observe: (fact) => {
        if (fact.type !== 'said') return
        const { node, to, message } = fact
        if (message.type === 'fetch' && node === 2) this.asked.push(message.offsetBytes)
        if (message.type === 'chunk' && to === 2) {
          this.#sent.set(message.offsetBytes, Buffer.from(message.bytes, 'base64').length)
          this.lengthBytes = message.snapshot.lengthBytes
        }
      },
    })
    this.cluster.start()
    this.#client = this.cluster.client('client', [0, 1])
    this.receiver.crash('lost')
    for (let count = 0; count < 40; count += 1) this.push()
  }

  get receiver() {
    return this.cluster.server(2)
  }

  /** Has a text executed by the servers that run. */
  push(): void {
    let isExecuted = false
    this.#client.ask({ kind: 'service', body: 'a note '.repeat(40) }, ({ kind }) => {
      expect(kind).toBe('executed')
      isExecuted = true
    })
    this.until(() => isExecuted)
  }

  until(isSo: () => boolean): void {
    const { timeline } = this.cluster
    const endMs = timeline.nowMs + 60_000
    while (!isSo() && timeline.nowMs < endMs && timeline.advance());
    expect(isSo()).toBe(true)
  }

  /** Starts server 2 and has it notice that it is behind. */
  start(): void {
    this.asked = []
    this.#sent = new Map()
    this.receiver.start()
    this.until(() => this.receiver.node !== null)
    this.push()
  }

  /** Counts the chunks that the present process keeps. */
  countKept(): void {
    this.kept = 0
    const next = () =>
      this.receiver.atNextCall('chunk', () => {
        this.kept += 1
        next()
      })
    next()
  }

  /** The bytes that were sent to server 2 since its last start; those that were sent again count once. */
  get sentBytes(): number {
    return [...this.#sent.values()].reduce((sum, bytes) => sum + bytes, 0)
  }

  /** The next instance to be executed at a server. */
  next(id: number): number {
    return this.cluster.server(id).node?.replica.firstUnexecuted ?? 0
  }

  /** Server 2 has all that another server can know: the last instance is known to be chosen to the leader alone. */
  get hasCaughtUp(): boolean {
    return this.next(2) >= this.next(0) - 1 && this.receiver.disk.unsynced === 0
  }

  /** Server 2 has what server 1 has. Each of them may learn of the last instance with the next one only. */
  checkSame(): void {
    for (let pushes = 0; pushes === 0 || this.next(1) !== this.next(2); pushes += 1) {
      expect(pushes).toBeLessThan(5)
      this.push()
      this.until(() => this.hasCaughtUp)
    }
    const [, one, other] = this.cluster.servers.map(({ node }) => node?.replica.digest())
    expect(other).toBe(one)
  }

  /** It has that also after a power cut, and nothing is left of the transfer. */
  checkWhole(): void {
    this.until(() => this.hasCaughtUp)
    this.checkSame()
    this.receiver.crash('lost')
    this.start()
    this.checkSame()
    const parts = this.receiver.disk.files.paths.filter((path) => path.endsWith('.receiving'))
    expect(parts).toEqual([])
  }
}

const resumed: Situation = 'a transfer of a snapshot resumed after a restart'

describe('a server that crashes while it receives a snapshot', () => {
  test('asks for the rest alone after its restart', () => {
    const late = new Late(1)
    late.start()
    late.countKept()
    late.until(() => late.kept === 12)
    const { lengthBytes } = late
    expect(lengthBytes).toBeGreaterThan((24 * chunkBytes) / 2)
    late.receiver.crash('lost')
    late.start()
    late.until(() => late.hasCaughtUp)
    expect(late.met).toContain(resumed)
    expect(late.asked[0]).toBe(12 * chunkBytes)
    expect(late.sentBytes).toBe(lengthBytes - 12 * chunkBytes)
    late.checkWhole()
  })

  test('begins with another snapshot when the other servers have a later one', () => {
    const late = new Late(1)
    late.start()
    late.countKept()
    late.until(() => late.kept === 5)
    late.receiver.crash('lost')
    for (let count = 0; count < 30; count += 1) late.push()
    late.start()
    late.until(() => late.hasCaughtUp)
    expect(late.met).not.toContain(resumed)
    expect(late.asked[0]).toBe(0)
    late.checkWhole()
  })

  test.each<Unsynced>([
    'lost',
    'kept',
    'torn',
    'cached',
  ])('goes on at each step of the transfer: unsynced writes are %s', (unsynced) => {
    let resumes = 0
    let isHeld = false
    // From the offer on, beyond the last call: the file, its parts, the check, and the segment that names it.
    for (let calls = 0; !isHeld; calls += unsynced === 'torn' ? 3 : 8) {
      const late = new Late(calls % 3)
      late.start()
      late.until(() => late.asked.length > 0)
      let left = calls
      let isDue = false
      const count = () => {
        late.receiver.atNextCall('any', () => {
          left -= 1
          if (left < 0) isDue = true
          else count()
        })
      }
      count()
      late.until(() => isDue || late.hasCaughtUp)
      isHeld = !isDue
      if (isHeld) break
      late.receiver.crash(unsynced)
      late.start()
      if (late.met.includes(resumed)) resumes += 1
      late.checkWhole()
      if (late.met.includes(resumed)) {
        expect(late.sentBytes, `after ${calls} calls`).toBeLessThan(late.lengthBytes)
      }
    }
    expect(resumes).toBeGreaterThan(5)
  })
})
