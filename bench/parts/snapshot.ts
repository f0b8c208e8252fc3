/**
 * How long a snapshot of a large state holds a server up: a replica in this process executes batches, and a slice of the snapshot is drawn
 * after each one. Beside it, the same load without a snapshot, and the time to restore the same states. A pause is the smaller of two
 * figures, each of which is at least the time that this thread needs: the time by the clock, which other work on the machine lengthens, and
 * the processor time of all threads, which counts those of the garbage collector that work beside each other. The pauses of the garbage
 * collector are by the clock.
 */
import { PerformanceObserver } from 'node:perf_hooks'
import type { Json, NamedRequest } from '../../machines/batch.ts'
import { utf8 } from '../../src/core/bytes.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import { lockService } from '../../src/services/lock.ts'
import { type Replica, Restoration } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import { linesOf, type SnapshotContents } from '../../src/services/snapshot.ts'
import { figure, table } from '../show.ts'
import { quantile } from '../statistics.ts'
import { elapse } from '../workspace.ts'
import { type Bench, print } from './part.ts'

const sliceBytes = 65_536
/** Requests of a batch, each of another session. */
const batchRequests = 64
const ttlMs = 24 * 60 * 60 * 1_000

interface Case {
  readonly name: string
  readonly service: Service
  readonly sessions: number
  readonly rows: () => Iterable<Json>
  /** The command of the request `number`. */
  readonly command: (number: number) => Json
}

const keys = 1_000_000

const cases: readonly Case[] = [
  {
    name: '1,000,000 keys',
    service: kvService as Service,
    sessions: 1_000,
    *rows() {
      yield [keys, 0]
      for (let number = 0; number < keys; number += 1) {
        yield ['entry', keyOf(number), { number }, number + 1, null, null]
      }
    },
    command: (number) => ({ action: 'put', key: keyOf((number * 7_919) % keys), value: { number } }),
  },
  {
    name: '250,000 sessions',
    service: kvService as Service,
    sessions: 250_000,
    rows: () => [[0, 0]],
    command: (number) => ({ action: 'put', key: keyOf(number % 100), value: { number } }),
  },
  {
    name: '100,000 locks held',
    service: lockService as Service,
    sessions: 10_000,
    *rows() {
      yield [100_001, 0]
      for (let token = 1; token <= 100_000; token += 1) {
        const names = [`lock ${token}`]
        yield ['grant', token, uidOf(token % 10_000), ttlMs, names, 'exclusive', null, 0, 1, [], false]
      }
    },
    command: (number) => ({ action: 'lock', name: `other ${number}`, try: true }),
  },
]

export async function measureSnapshot({ seconds }: Bench): Promise<void> {
  const rows: string[][] = []
  for (const each of cases) {
    const chunks = snapshotOf(each)
    const begin = cpuMs()
    const replica = restored(each.service, chunks)
    const restoreMs = cpuMs() - begin
    const load = new Load(replica, each)
    // A new process still compiles its code, and a state that was just made is in the young part of the heap.
    load.run(3_000)
    const without = load.run(seconds * 1_000)
    const pauses = new CollectorPauses()
    const { turns, slices, bytes } = load.runWithCapture()
    const collected = await pauses.end()
    rows.push([
      each.name,
      figure(restoreMs / 1_000),
      figure(bytes / 1e6),
      ...[slices.length, Math.max(...slices), quantile(slices, 0.99), quantile(slices, 0.5)].map(figure),
      ...[Math.max(...turns), quantile(turns, 0.99)].map(figure),
      ...[Math.max(...without), quantile(without, 0.99), collected].map(figure),
    ])
  }
  print(
    `a snapshot in slices of ${sliceBytes} bytes, one after each batch of ${batchRequests} requests; in ms`,
  )
  const head = [
    ...['state', 'restore s', 'MB', 'slices', 'longest slice', 'p99', 'median'],
    ...['longest batch and slice', 'p99', 'longest batch without a snapshot', 'p99'],
    'longest pause of the garbage collector',
  ]
  print(table([head, ...rows]))
}

/** A snapshot with the state of the case, as a server reads it. */
function snapshotOf({ service, sessions, rows }: Case): readonly Uint8Array[] {
  const contents: SnapshotContents = {
    head: {
      service: service.name,
      firstUnexecuted: sessions,
      clockMs: 0,
      runningDigest: '',
      members: [],
      quotaBytes: 2 ** 30,
      serviceBytes: 0,
      serviceVersion: 1,
    },
    sessions: Array.from({ length: sessions }, (_, number) => ({
      line: ['session', uidOf(number), ttlMs, ttlMs, false, false, 0, 0, 0, 0] as const,
      ended: [],
      waiting: [],
    })),
    timers: [],
    rows: rows(),
  }
  const chunks: Uint8Array[] = []
  let text = ''
  for (const line of linesOf(contents)) {
    text += line
    if (text.length < sliceBytes) continue
    chunks.push(utf8(text))
    text = ''
  }
  return [...chunks, utf8(text)]
}

function restored(service: Service, chunks: readonly Uint8Array[]): Replica {
  const restoration = new Restoration(service)
  for (const chunk of chunks) restoration.add(chunk)
  return restoration.end()
}

class Load {
  readonly #replica: Replica
  readonly #case: Case
  #requests = 0

  constructor(replica: Replica, given: Case) {
    this.#replica = replica
    this.#case = given
  }

  /** Executes batches for so long. Returns the time of each. */
  run(forMs: number): readonly number[] {
    const times: number[] = []
    for (const end = cpuMs() + forMs; cpuMs() < end; ) times.push(this.#turn(() => undefined))
    return times
  }

  /** Executes batches while a snapshot is drawn. */
  runWithCapture() {
    const slices: number[] = []
    const turns: number[] = []
    let bytes = 0
    const capture = this.#replica.capture()
    for (let isComplete = false; !isComplete; ) {
      const turn = this.#turn(() => {
        const clock = new Stopwatch()
        const slice = capture.next(sliceBytes)
        slices.push(clock.pauseMs)
        bytes += slice?.length ?? 0
        isComplete = slice === null
      })
      turns.push(turn)
    }
    capture.end()
    return { turns, slices, bytes }
  }

  #turn(draw: () => void): number {
    const requests = Array.from({ length: batchRequests }, () => this.#request())
    const groups = requests.map(({ uid, ackedBelow, seq, command }) => ({
      ...{ uid, ackedBelow, heldBy: 0, requests: [{ seq, command }] },
    }))
    const clock = new Stopwatch()
    this.#replica.execute(this.#replica.firstUnexecuted, { node: 0, elapsedMs: 1, groups })
    draw()
    return clock.pauseMs
  }

  #request(): NamedRequest {
    this.#requests += 1
    const { sessions, command } = this.#case
    const seq = Math.ceil(this.#requests / sessions) + 1
    const uid = uidOf((this.#requests * 7_919) % sessions)
    return { uid, seq, ackedBelow: seq, command: { kind: 'service', body: command(this.#requests) } }
  }
}

class Stopwatch {
  readonly #beginMs = performance.now()
  readonly #beginCpuMs = cpuMs()

  /** How long this thread was held up since the stopwatch was made, at most. */
  get pauseMs(): number {
    return Math.min(performance.now() - this.#beginMs, cpuMs() - this.#beginCpuMs)
  }
}

class CollectorPauses {
  #longestMs = 0
  readonly #observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) this.#longestMs = Math.max(this.#longestMs, duration)
  })

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] })
  }

  /** The longest pause since it was made, in milliseconds. */
  async end(): Promise<number> {
    // The entries come in a later turn of the event loop.
    await elapse(0.05)
    this.#observer.disconnect()
    return this.#longestMs
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

function keyOf(number: number): string {
  return `key ${String(number).padStart(7, '0')}`
}

function uidOf(number: number): string {
  return `client@${number}.0`
}
