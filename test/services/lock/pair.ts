/** The lock service beside the oracle, with requests that are cancelled and sessions that end at any moment. */
import fc from 'fast-check'
import { expect } from 'vitest'
import { heldLocks } from '../../../src/services/lock.ts'
import type { TakeCommand } from '../../../src/services/lock-commands.ts'
import { LockDriver, type LockService } from './lock-driver.ts'
import { LockOracle } from './oracle.ts'

const names = ['x', 'y', 'z']
const name = fc.constantFrom(...names)
const flag = (weight: number) =>
  fc.oneof(
    { weight: 10, arbitrary: fc.constant(undefined) },
    { weight, arbitrary: fc.constant(true as const) },
  )

/** A request that `parse` accepts. */
const demand: fc.Arbitrary<TakeCommand> = fc
  .record({
    several: fc.option(fc.subarray(names, { minLength: 1 }), { freq: 2 }),
    name,
    kind: fc.constantFrom('exclusive', 'exclusive', 'shared', 'shared', 1, 2, 2),
    reentrant: flag(5),
    try: flag(2),
    steal: flag(2),
  })
  .map(({ several, name, kind, reentrant, try: tries, steal }) => {
    if (steal) return { action: 'lock', name, steal }
    return {
      action: 'lock',
      ...(several === null ? { name } : { names: several }),
      ...(typeof kind === 'number' ? { permits: kind } : { mode: kind as 'exclusive' | 'shared' }),
      ...(reentrant && { reentrant }),
      ...(tries && { try: tries }),
    } as TakeCommand
  })

export type Step =
  | { readonly kind: 'lock'; readonly session: number; readonly command: TakeCommand }
  /** The open request is executed again. */
  | { readonly kind: 'again'; readonly which: number }
  | { readonly kind: 'cancel'; readonly which: number }
  | { readonly kind: 'unlock'; readonly which: number; readonly names: readonly string[] }
  | { readonly kind: 'unlockText'; readonly name: string }
  | { readonly kind: 'force'; readonly name: string; readonly now: boolean }
  | { readonly kind: 'end'; readonly session: number }
  | { readonly kind: 'restore' }

/** Sessions from `firstEndless` on have no ttl. */
const [sessionCount, firstEndless] = [6, 4]

/** One thing that happens to a lock service. */
export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('lock' as const),
      session: fc.nat(sessionCount - 1),
      command: demand,
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('again' as const), which: fc.nat(20) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('unlock' as const),
      which: fc.nat(8),
      names: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, fc.subarray(names)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unlockText' as const), name }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('force' as const), name, now: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('end' as const), session: fc.nat(firstEndless - 1) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore' as const) }) },
)

/** One thing that happens when sessions want locks of each other, often one that others wait for: they steal much, and free little. */
export const tangledStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('lock' as const),
      session: fc.oneof({ weight: 9, arbitrary: fc.nat(firstEndless - 1) }, fc.constant(firstEndless)),
      command: fc
        .record({ name, mode: fc.constantFrom('exclusive', 'exclusive', 'shared'), steal: flag(5) })
        .map(({ name, mode, steal }) => {
          return { action: 'lock', name, ...(steal ? { steal } : { mode }) } as TakeCommand
        }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('again' as const), which: fc.nat(20) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('end' as const), session: fc.nat(firstEndless - 1) }),
  },
)

interface Open {
  readonly uid: string
  readonly seq: number
  readonly ttlMs: number | null
  readonly command: TakeCommand
}

/** Runs a lock service and the oracle side by side, and throws where they differ. */
export class Pair {
  readonly driver: LockDriver
  readonly oracle = new LockOracle()
  readonly reached = new Set<string>()
  readonly #generations: number[] = Array(sessionCount).fill(0)
  #open: Open[] = []
  #seq = 0

  constructor(service?: LockService) {
    this.driver = new LockDriver(service === undefined ? {} : { service })
  }

  do(step: Step): void {
    switch (step.kind) {
      case 'lock': {
        this.#seq += 1
        const { session, command } = step
        const ttlMs = session < firstEndless ? 1_000 : null
        this.#take({ uid: this.#uidOf(session), seq: this.#seq, ttlMs, command })
        break
      }
      case 'again': {
        const open = this.#open[step.which % Math.max(1, this.#open.length)]
        if (open !== undefined) this.#take(open)
        break
      }
      case 'cancel': {
        const open = this.#open[step.which % Math.max(1, this.#open.length)]
        if (open !== undefined) this.#cancel(open)
        break
      }
      case 'unlock': {
        const hold = this.oracle.holds[step.which]
        this.#unlock(step.names, hold?.token ?? 99)
        break
      }
      case 'unlockText':
        this.#unlock([step.name], undefined)
        break
      case 'force': {
        const { name, now } = step
        const reply = this.driver.run('operator', 0, { action: 'force', name, ...(now && { now }) })
        this.oracle.force(name, now)
        this.#compare(reply)
        break
      }
      case 'end':
        this.#end(step.session)
        break
      case 'restore':
        this.driver.restore()
        break
    }
    this.#compareStates()
  }

  #uidOf(session: number): string {
    return `secret@${session}.${this.#generations[session]}`
  }

  #take(open: Open): void {
    const { uid, seq, ttlMs, command } = open
    const reply = this.driver.run(uid, seq, command, { ttlMs })
    const expected = this.oracle.take(command, open)
    const { result } = reply
    const seen =
      typeof result !== 'object' || result === null
        ? result
        : 'refused' in result
          ? result.refused
          : 'token' in result && result.token
    expect(seen, JSON.stringify(result)).toBe(expected)
    this.reached.add(typeof expected === 'number' ? 'granted' : expected)
    if (command.steal && expected === 'deadlock') this.reached.add('deadlock of a steal')
    this.#open = this.#open.filter((other) => other.seq !== seq)
    if (expected === 'waits') this.#open.push(open)
    // A request that waits frees nothing: the timer does.
    this.#compare(
      expected === 'waits' && this.driver.isTimed ? this.driver.fireTimer() : reply,
      reply.revoked,
    )
  }

  #cancel(open: Open): void {
    this.#open = this.#open.filter((other) => other !== open)
    const reply = this.driver.requestEnded(open.uid, open.seq)
    this.oracle.requestEnded(open.uid, open.seq)
    this.#compare(reply)
  }

  #unlock(names: readonly string[], token: number | undefined): void {
    const body =
      token === undefined
        ? ({ action: 'unlock', name: names[0] ?? '' } as const)
        : ({ action: 'unlock', token, ...(names.length > 0 && { names }) } as const)
    const reply = this.driver.run('anybody', 0, body)
    const freed = this.oracle.unlock(names, token)
    expect(reply.result).toEqual({ freed })
    this.reached.add(`freed ${freed}`)
    this.#compare(reply)
  }

  #end(session: number): void {
    const uid = this.#uidOf(session)
    for (const open of this.#open.filter((each) => each.uid === uid)) this.#cancel(open)
    const isKept = [...this.oracle.holds, ...this.oracle.waits].some((each) => each.uid === uid)
    expect(this.driver.holds(uid)).toBe(isKept)
    const reply = this.driver.sessionEnded(uid)
    this.oracle.sessionEnded(uid)
    this.#compare(reply)
    expect(this.driver.holds(uid)).toBe(false)
    this.#generations[session] = (this.#generations[session] ?? 0) + 1
  }

  #compare(
    { freed, revoked }: { readonly freed: readonly string[]; readonly revoked: readonly string[] },
    also = revoked,
  ): void {
    const granted = this.oracle.settle()
    expect(freed, 'the requests that are woken').toEqual(granted)
    expect(new Set(also), 'the sessions that are revoked').toEqual(new Set(this.oracle.revoked))
    if (granted.length > 0) this.reached.add('woken')
    if (this.oracle.revoked.length > 0) this.reached.add('revoked')
    this.oracle.revoked = []
  }

  #compareStates(): void {
    const waiting = this.oracle.waits.filter(({ ttlMs }) => ttlMs !== null).map(({ uid }) => uid)
    expect(
      waiting.filter((uid) => this.oracle.waitsForItself(uid)),
      'sessions in a cycle',
    ).toEqual([])
    const held = this.oracle.holds.flatMap(({ token, uid, names }) =>
      names.map((name) => ({ name, token, uid })),
    )
    const inOrder = held.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.token - b.token))
    expect(heldLocks(this.driver.state)).toEqual(inOrder)
    expect(this.driver.isTimed, 'nothing is left for later').toBe(false)
    const before = this.driver.snapshot()
    this.driver.restore()
    expect(this.driver.snapshot()).toBe(before)
  }
}
