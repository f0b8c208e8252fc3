import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { compose } from '../../src/services/compose.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import { readOnly } from '../../src/testing.ts'
import { type Asked, ServingDirectly } from './serving-directly.ts'

const parts = ['one', 'two'] as const
const part = fc.constantFrom(...parts)
const uid = fc.constantFrom('p', 'q')
const key = fc.constantFrom('a', 'b')
const command = fc.oneof(
  fc.record({ action: fc.constant('put'), key, value: fc.nat({ max: 3 }), session: fc.boolean() }),
  fc.record({
    action: fc.constant('put'),
    key,
    value: fc.nat({ max: 3 }),
    ttlMs: fc.integer({ min: 1, max: 5 }),
    session: fc.boolean(),
  }),
  fc.record({ action: fc.constantFrom('get', 'delete', 'take'), key }),
  fc.record({ action: fc.constant('watch'), key }),
  fc.constant({ action: 'none' }),
) as fc.Arbitrary<Json>

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('ask' as const), part, uid, command }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('again' as const, 'end' as const), which: fc.nat() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('endSession' as const), uid }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore' as const) }) },
)

interface Waits {
  readonly part: (typeof parts)[number]
  readonly asked: Asked
}

test('composed services do what they do apart', () => {
  const seen = { waited: 0, ended: 0, fired: 0, failed: 0 }
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 50 }), (steps) => {
      const whole = new ServingDirectly(readOnly(compose({ one: kvService, two: kvService })))
      const apart = { one: new ServingDirectly(kvService), two: new ServingDirectly(kvService) }
      let waiting: Waits[] = []
      let seq = 0

      const ask = (part: Waits['part'], uid: string, number: number, asked: Json) => {
        const expected = outcome(() => apart[part].askAs(uid, number, asked))
        const found = outcome(() => whole.askAs(uid, number, { service: part, command: asked }))
        waiting = waiting.filter((other) => other.asked.seq !== number)
        if ('thrown' in expected || 'thrown' in found) {
          expect(found).toEqual(expected)
          seen.failed += 1
          return
        }
        expect(found.result).toEqual(expected.result)
        expect(found.key).toEqual(expected.key === null ? null : `${part}:${expected.key}`)
        if (expected.key !== null) waiting.push({ part, asked: expected })
      }

      const end = ({ part, asked }: Waits) => {
        apart[part].end(asked)
        whole.end(asked)
        waiting = waiting.filter((other) => other.asked !== asked)
        seen.ended += 1
      }

      for (const each of steps) {
        switch (each.kind) {
          case 'ask':
            seq += 1
            ask(each.part, each.uid, seq, each.command)
            break
          case 'again':
          case 'end': {
            const waits = waiting[each.which % Math.max(1, waiting.length)]
            if (waits === undefined) break
            seen.waited += 1
            if (each.kind === 'end') end(waits)
            else ask(waits.part, waits.asked.uid, waits.asked.seq, waits.asked.command)
            break
          }
          case 'endSession':
            for (const waits of waiting.filter(({ asked }) => asked.uid === each.uid)) end(waits)
            for (const name of parts) apart[name].endSession(each.uid)
            whole.endSession(each.uid)
            break
          case 'pass': {
            const fired = parts.flatMap((name) =>
              apart[name].pass(each.ms).map((timer) => `${name}:${timer}`),
            )
            expect(whole.pass(each.ms).toSorted()).toEqual(fired.toSorted())
            seen.fired += fired.length
            break
          }
          case 'restore':
            whole.restore()
        }
        const freed = parts.flatMap((name) => apart[name].takeFreed().map((key) => `${name}:${key}`))
        expect(whole.takeFreed().toSorted()).toEqual(freed.toSorted())
        expect(whole.timerNames()).toEqual(
          parts.flatMap((name) => apart[name].timerNames().map((timer) => `${name}:${timer}`)).toSorted(),
        )
        for (const name of parts) {
          expect([...kvService.snapshot(whole.state.parts[name] as never)]).toEqual([
            ...kvService.snapshot(apart[name].state),
          ])
        }
        for (const session of ['p', 'q']) {
          expect(whole.holds(session)).toBe(parts.some((name) => apart[name].holds(session)))
        }
      }
    }),
    { numRuns: 100 },
  )
  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(15)
})

function outcome<T>(run: () => T): T | { readonly thrown: string } {
  try {
    return run()
  } catch (error) {
    return { thrown: (error as Error).message }
  }
}
