/** A journal is run again; and one that was tampered with is found out, wherever it was. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import {
  inOrder,
  type JournalEvent,
  type JournalLine,
  parseJournal,
} from '../../src/journal/journal-lines.ts'
import { startNode } from '../../src/node/node.ts'
import { Replay } from '../../src/replay/replay.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import { freePorts } from '../support/free-ports.ts'

let directory: string
let lines: readonly JournalLine[]

/** Three servers that store on disk; server 2 is stopped and started again half-way. */
async function recordedRun(): Promise<JournalLine[]> {
  const port = await freePorts(3)
  const members = [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${port + id}` }))
  const file = (id: number) => join(directory, `${id}.ndjson`)
  const start = (id: number) =>
    startNode({
      id,
      listen: members[id]!.address,
      dataDir: join(directory, `${id}`),
      bootstrap: { members },
      journal: file(id),
    })
  const nodes = await Promise.all([0, 1, 2].map(start))
  const servers = members.map(({ address }) => address)
  const [client, other] = [connect({ servers }), connect({ servers })]
  const first = await client.locks.acquire('a')
  const second = other.locks.acquire('a')
  await first.release()
  await (await second).release()
  await nodes[2]!.stop()
  nodes[2] = await start(2)
  await (await client.locks.acquire('b')).release()
  await Promise.all([client.close(), other.close()])
  await Promise.all(nodes.map((node) => node.stop()))
  const texts = await Promise.all([0, 1, 2].map((id) => readFile(file(id), 'utf8')))
  return inOrder(texts.flatMap(parseJournal))
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxos-replay-'))
  lines = await recordedRun()
})

afterAll(() => rm(directory, { recursive: true }))

function replay(journal: readonly JournalLine[]): Replay {
  const again = new Replay(journal, lockService as Service)
  for (const line of journal) again.take(line)
  return again
}

const isEvent = (line: JournalLine): line is JournalEvent => 'event' in line

/** The journal with the first event for which `change` gives another one in its place. */
function tampered(change: (line: JournalEvent) => JournalEvent | null): JournalLine[] {
  const at = lines.findIndex((line) => isEvent(line) && change(line) !== null)
  if (at < 0) throw new Error('no event of the journal is of the kind')
  return lines.with(at, change(lines[at] as JournalEvent)!)
}

describe('a journal', () => {
  test('comes out the same, and breaks no invariant', () => {
    const again = replay(lines)
    expect(again.events).toBe(lines.filter(isEvent).length)
    expect(again.heard).toBe(lines.filter((line) => isEvent(line) && line.event.type === 'hear').length)
    expect(again.heard).toBeGreaterThan(8)
    expect(again.judged).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 10, 14])
  })

  test('of some of its servers comes out the same too', () => {
    const some = lines.filter(({ node }) => node !== 1)
    const again = replay(some)
    expect(again.events).toBe(some.filter(isEvent).length)
    expect(again.judged).toEqual([])
  })
})

describe('it is found out', () => {
  test('that a role was in another state', () => {
    const changed = tampered((line) =>
      line.roles.acceptor?.value === 'persisting'
        ? { ...line, roles: { acceptor: { ...line.roles.acceptor, value: 'listening' } } }
        : null,
    )
    expect(() => replay(changed)).toThrow(
      /the acceptor is in "listening" in the journal, and in "persisting" in the replay/,
    )
  })

  test('that a role had another context', () => {
    const changed = tampered((line) =>
      line.event.type !== 'start' && line.roles.learner !== undefined
        ? { ...line, roles: { learner: { ...line.roles.learner, context: 1 } } }
        : null,
    )
    expect(() => replay(changed)).toThrow(/its context in the replay is \{/)
  })

  test('that its clock showed another time when a batch was proposed', () => {
    // From the first promise on: the last one that the batch waits for may be the server's own, which comes with its sync.
    const ahead = new Set<number>()
    const changed = lines.map((line) => {
      if (!isEvent(line)) return line
      if (line.event.type === 'hear' && line.event.message.type === 'promise') ahead.add(line.node)
      return ahead.has(line.node) ? { ...line, nowMs: line.nowMs + 10_000 } : line
    })
    expect(() => replay(changed)).toThrow(/its context in the replay is \{.*"elapsedMs":1\d{4}/)
  })

  test('that an event is missing', () => {
    const at = lines.findIndex((line) => isEvent(line) && line.event.type === 'synced')
    expect(() => replay(lines.toSpliced(at, 1))).toThrow(/Divergence|server \d, clock \d+/)
  })

  test('that a message was heard which nobody had said', () => {
    const changed = tampered(({ event, ...line }) =>
      event.type === 'hear' && event.message.type === 'accepted'
        ? { ...line, event: { ...event, message: { ...event.message, instance: 77 } } }
        : null,
    )
    expect(() => replay(changed)).toThrow(
      /it received a message that server \d had not sent: .*"instance":77/,
    )
  })

  test('that a message was heard before it was said, where the clocks lie', () => {
    const changed = lines.map((line) => (line.node === 0 ? { ...line, clock: line.clock + 10_000 } : line))
    expect(() => replay(inOrder(changed))).toThrow(/it received a message that server 0 had not sent/)
  })

  test('that a server began again with something else than it had stored', () => {
    const at = lines.findLastIndex((line) => 'run' in line)
    const line = lines[at]!
    if (!('run' in line)) throw new Error('it is the line of a run')
    const { run } = line
    const changed = lines.with(at, { ...line, run: { ...run, durable: { ...run.durable, promised: null } } })
    expect(() => replay(changed)).toThrow(/it started with .*"promised":null.*, but its disk held/)
  })

  test('that it is of another service, or of two clusters, or of nothing', () => {
    expect(() => new Replay(lines, kvService as Service)).toThrow("to the service 'lock'")
    const other = lines.map((line) =>
      'run' in line && line.node === 1 ? { ...line, run: { ...line.run, cluster: 'other' } } : line,
    )
    expect(() => new Replay(other, lockService as Service)).toThrow('two clusters')
    expect(() => new Replay([], lockService as Service)).toThrow('the journals are empty')
  })
})
