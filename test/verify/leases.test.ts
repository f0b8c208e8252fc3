import { describe, expect, test } from 'vitest'
import type { Command, Instance, NamedRequest } from '../../machines/batch.ts'
import type { RequestOutcome } from '../../machines/outcome.ts'
import { type ForceCommand, forceCommand, lockCommand } from '../../src/services/lock-commands.ts'
import { type HeldLock, Leases } from '../../src/verify/leases.ts'
import { execution } from '../support/facts.ts'

/** Judges one instance after another, with what clients believe then. */
class Judged {
  believers: readonly string[] = []
  held: readonly HeldLock[] = []
  #instance: Instance = 0
  readonly #leases = new Leases({
    believerIn: (uid) => (this.believers.includes(uid) ? `the client of ${uid}` : null),
    heldLocks: () => this.held,
  })

  execute(requests: readonly [string, Command, object?][], endedSessions: readonly string[] = []): void {
    const instance = this.#instance
    this.#instance += 1
    const named = requests.map(([uid, command], seq): NamedRequest => ({ uid, seq, ackedBelow: 0, command }))
    const outcomes = requests.map(([uid, , result], index): RequestOutcome => {
      const outcome = { kind: 'executed', result: { ...result }, instance, index } as const
      return { uid, seq: index, outcome }
    })
    this.#leases.observe({
      type: 'executed',
      node: 0,
      instance,
      batch: {
        node: 0,
        elapsedMs: 0,
        groups: named.map(({ seq, uid, command }) => ({
          uid,
          ackedBelow: 0,
          heldBy: 0,
          requests: [{ seq, command }],
        })),
      },
      execution: { ...execution(instance, outcomes), endedSessions },
      digest: null,
    })
  }
}

const service = (body: ReturnType<typeof lockCommand> | ForceCommand): Command => ({ kind: 'service', body })

describe('a session that ends', () => {
  test('and in which nobody believes', () => {
    expect(() => new Judged().execute([], ['a@0.0'])).not.toThrow()
  })

  test.each<[string, readonly [string, Command][], boolean]>([
    ['although its client believes in it', [], true],
    ['because its client ends it', [['a@0.0', { kind: 'end' }]], false],
    ['because another client ends its own', [['b@0.1', { kind: 'end' }]], true],
    ['because an operator ends it at once', [['b@0.1', { kind: 'end', session: '0.0', now: true }]], false],
  ])('%s', (_, requests, isViolation) => {
    const judged = new Judged()
    judged.believers = ['a@0.0']
    const execute = expect(() => judged.execute(requests, ['a@0.0']))
    if (isViolation) execute.toThrow('the client of a@0.0 still believes that it lives')
    else execute.not.toThrow()
  })
})

describe('a lock that is granted', () => {
  const grant = [['b@0.1', service(lockCommand('x')), { token: 2 }]] as [string, Command, object][]

  function judgedWith(held: HeldLock): Judged {
    const judged = new Judged()
    judged.held = [held]
    return judged
  }

  test('while another client believes that it holds it', () => {
    const judged = judgedWith({ client: 'a', name: 'x', token: 1 })
    expect(() => judged.execute(grant)).toThrow('a still believes that it holds it, with token 1')
  })

  test('while another client holds another lock, and its own client the lock', () => {
    const judged = judgedWith({ client: 'a', name: 'y', token: 1 })
    judged.execute(grant)
    judged.held = [{ client: 'b', name: 'x', token: 2 }]
    expect(() => judged.execute(grant)).not.toThrow()
  })

  test.each([true, false])('after an operator forced it, at once: %s', (now) => {
    const judged = judgedWith({ client: 'a', name: 'x', token: 1 })
    judged.execute([['c@0.2', service(forceCommand('x', { now })), {}]])
    const execute = expect(() => judged.execute(grant))
    if (now) execute.not.toThrow()
    else execute.toThrow('a still believes')
  })
})
