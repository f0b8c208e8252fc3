import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { type KvCommand, kvService } from '../../src/services/kv/kv.ts'
import { readOnly } from '../../src/testing.ts'
import { ServingDirectly } from './serving-directly.ts'

const keys = ['a', 'a/b', 'b'] as const
const uids = ['p', 'q', 'r'] as const

const key = fc.constantFrom(...keys)
const life = fc.record({ ttlMs: fc.integer({ min: 1, max: 9 }), session: fc.boolean() }, { requiredKeys: [] })
const version = fc.nat({ max: 12 })
const value = fc.nat({ max: 3 })
const target = fc.oneof(fc.record({ key }), fc.record({ prefix: fc.constantFrom('', 'a', 'a/') }))

const command: fc.Arbitrary<KvCommand> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ action: fc.constant('get' as const), key }) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(key, value, life)
      .map(([key, value, life]) => ({ action: 'put' as const, key, value, ...life })),
  },
  {
    weight: 2,
    arbitrary: fc.record(
      { action: fc.constant('delete' as const), key, version },
      { requiredKeys: ['action', 'key'] },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(key, version, value, life).map(([key, version, value, life]) => ({
      action: 'compareAndSet' as const,
      key,
      version,
      value,
      ...life,
    })),
  },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        action: fc.constant('list' as const),
        prefix: fc.constantFrom('', 'a'),
        limit: fc.integer({ min: 1, max: 2 }),
        after: key,
      },
      { requiredKeys: ['action', 'prefix'] },
    ),
  },
  { weight: 4, arbitrary: fc.record({ action: fc.constant('take' as const), key }) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(target, fc.option(version))
      .map(([target, after]) => ({ action: 'watch' as const, ...target, ...(after !== null && { after }) })),
  },
) as fc.Arbitrary<KvCommand>

type Step =
  | { readonly kind: 'ask'; readonly uid: string; readonly command: KvCommand }
  /** One of the requests that wait is executed once more, or ends. */
  | { readonly kind: 'again' | 'end'; readonly which: number }
  | { readonly kind: 'endSession'; readonly uid: string }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'restore' }

const uid = fc.constantFrom(...uids)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('ask' as const), uid, command }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('again' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('endSession' as const), uid }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 9 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore' as const) }) },
)

interface Held {
  value: Json
  version: number
  owner: string | null
  untilMs: number | null
}

interface Waits {
  readonly uid: string
  readonly seq: number
  readonly command: Extract<KvCommand, { action: 'take' | 'watch' }>
  readonly seen: number
}

/** The store as simple as can be: nothing is fast, and all that happened is remembered. */
class Oracle {
  version = 0
  entries = new Map<string, Held>()
  history: { readonly version: number; readonly key: string }[] = []
  /** In order of arrival. */
  waiting: Waits[] = []

  /** The result; `null` when it waits. */
  execute(uid: string, seq: number, command: KvCommand, clockMs: number): Json | null {
    switch (command.action) {
      case 'get':
        return { entry: this.entry(command.key) }
      case 'put':
        return { version: this.put(uid, command, clockMs) }
      case 'delete': {
        const entry = this.entry(command.key)
        const deleted = entry !== null && (command.version ?? entry.version) === entry.version
        if (deleted) this.remove(command.key)
        return { deleted }
      }
      case 'compareAndSet': {
        const entry = this.entry(command.key)
        if ((entry?.version ?? 0) !== command.version) return { set: false, entry }
        return { set: true, version: this.put(uid, command, clockMs) }
      }
      case 'list': {
        const { prefix, limit = 1_000, after } = command
        const found = [...this.entries.keys()]
          .filter((key) => key.startsWith(prefix) && (after === undefined || key > after))
          .sort()
        const entries = found.slice(0, limit).map((key) => this.entry(key))
        return {
          entries,
          next: found.length > limit ? (entries.at(-1)?.key ?? null) : null,
          version: this.version,
        }
      }
      case 'take':
      case 'watch': {
        const own = this.waiting.find((other) => other.uid === uid && other.seq === seq)
        const seen = command.action === 'watch' ? (command.after ?? this.version) : 0
        const waits = own ?? { uid, seq, command, seen: Math.max(seen, 0) }
        const result = this.possible(waits)
        if (result === null && own === undefined) {
          this.waiting.push({ ...waits, seen: Math.max(seen, this.version) })
        }
        if (result === null) return null
        if (command.action === 'take') this.remove(command.key)
        this.end(uid, seq)
        return result
      }
    }
  }

  /** What the request would get now; `null` when it has to wait. */
  possible({ uid, seq, command, seen }: Waits): Json | null {
    if (command.action === 'take') {
      const first = this.waiting.find(
        (other) => other.command.action === 'take' && other.command.key === command.key,
      )
      const entry = this.entry(command.key)
      const isFirst = first === undefined || (first.uid === uid && first.seq === seq)
      return entry !== null && isFirst ? { entry } : null
    }
    const changed = this.history.filter(
      ({ version, key }) =>
        version > seen && ('key' in command ? key === command.key : key.startsWith(command.prefix)),
    )
    const last = changed.filter(
      ({ key }, place) => !changed.slice(place + 1).some((later) => later.key === key),
    )
    if (last.length === 0) return null
    const changes = last.map(({ key, version }) => this.entry(key) ?? { key, version, deleted: true })
    return { changes, version: this.version, missed: false }
  }

  end(uid: string, seq: number): void {
    this.waiting = this.waiting.filter((other) => other.uid !== uid || other.seq !== seq)
  }

  endSession(uid: string): void {
    for (const key of [...this.entries.keys()].sort())
      if (this.entries.get(key)?.owner === uid) this.remove(key)
  }

  expire(key: string): void {
    this.remove(key)
  }

  entry(key: string) {
    const held = this.entries.get(key)
    return held === undefined ? null : { key, value: held.value, version: held.version }
  }

  put(
    uid: string,
    { key, value, ttlMs, session }: Extract<KvCommand, { action: 'put' | 'compareAndSet' }>,
    clockMs: number,
  ): number {
    this.change(key)
    const untilMs = ttlMs === undefined ? null : clockMs + ttlMs
    this.entries.set(key, { value, version: this.version, owner: session === true ? uid : null, untilMs })
    return this.version
  }

  remove(key: string): void {
    this.entries.delete(key)
    this.change(key)
  }

  change(key: string): void {
    this.version += 1
    this.history.push({ version: this.version, key })
  }
}

test('the store does what the oracle does, and wakes each request that can run', () => {
  const seen = { taken: 0, watched: 0, expired: 0, ended: 0 }
  fc.assert(
    fc.property(fc.array(step, { minLength: 30, maxLength: 60 }), (steps) => {
      const store = new ServingDirectly(readOnly(kvService))
      const oracle = new Oracle()
      let seq = 0
      /** The keys for which requests wait, by request. */
      const keysOf = new Map<string, string>()
      const woken = new Set<string>()
      const execute = (uid: string, number: number, asked: KvCommand) => {
        const { key, result } = store.askAs(uid, number, asked as Json)
        expect(result).toEqual(oracle.execute(uid, number, asked, store.clockMs))
        const name = `${uid} ${number}`
        keysOf.delete(name)
        if (key === null) return result
        keysOf.set(name, key)
        woken.delete(key)
        return null
      }
      for (const each of steps) {
        switch (each.kind) {
          case 'ask':
            seq += 1
            execute(each.uid, seq, each.command)
            break
          case 'again':
          case 'end': {
            const request = oracle.waiting[each.which % Math.max(1, oracle.waiting.length)]
            if (request === undefined) break
            if (each.kind === 'again') {
              const result = execute(request.uid, request.seq, request.command)
              if (result !== null) seen[request.command.action === 'take' ? 'taken' : 'watched'] += 1
            } else {
              store.end({ ...request, command: null, key: null, result: null })
              oracle.end(request.uid, request.seq)
              keysOf.delete(`${request.uid} ${request.seq}`)
            }
            break
          }
          case 'endSession': {
            for (const request of oracle.waiting.filter(({ uid }) => uid === each.uid)) {
              store.end({ ...request, command: null, key: null, result: null })
              oracle.end(request.uid, request.seq)
              keysOf.delete(`${request.uid} ${request.seq}`)
            }
            store.endSession(each.uid)
            if ([...oracle.entries.values()].some(({ owner }) => owner === each.uid)) seen.ended += 1
            oracle.endSession(each.uid)
            expect(store.holds(each.uid)).toBe(false)
            break
          }
          case 'pass':
            for (const name of store.pass(each.ms)) {
              expect(oracle.entries.get(name)?.untilMs).toBeLessThanOrEqual(store.clockMs)
              oracle.expire(name)
              seen.expired += 1
            }
            break
          case 'restore':
            store.restore()
        }
        for (const freed of store.takeFreed()) woken.add(freed)
        const runnable = oracle.waiting.filter((request) => oracle.possible(request) !== null)
        for (const request of runnable) {
          expect(woken).toContain(keysOf.get(`${request.uid} ${request.seq}`))
        }
        for (const uid of uids) {
          const holds = [...oracle.entries.values()].some(({ owner }) => owner === uid)
          const waits = oracle.waiting.some((other) => other.uid === uid && other.command.action === 'take')
          expect(store.holds(uid)).toBe(holds || waits)
        }
        expect(store.timerNames()).toEqual(
          [...oracle.entries].flatMap(([name, { untilMs }]) => (untilMs === null ? [] : [name])).sort(),
        )
      }
    }),
    { numRuns: 400 },
  )
  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(15)
})
