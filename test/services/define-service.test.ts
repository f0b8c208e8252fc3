import { describe, expect, expectTypeOf, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { type CommandOf, defineService, type ResultOf } from '../../src/services/define-service.ts'
import type { Service } from '../../src/services/service.ts'

const definition = {
  name: 'counter-2',
  initial: () => 0,
  parse: (body: unknown) => {
    if (typeof body !== 'number') throw new Error('no number')
    return { amount: body }
  },
  execute: (state: number, { amount }: { readonly amount: number }) => ({
    kind: 'executed' as const,
    state: state + amount,
    result: { sum: state + amount },
  }),
  snapshot: (state: number) => [state],
  restore: ([state]: Iterable<Json>) => Number(state),
}

describe('defineService', () => {
  test('returns a service of version 1 with the methods of the definition', () => {
    const service = defineService(definition)
    expect(service).toMatchObject({ name: 'counter-2', version: 1 })
    expect(Object.keys(service)).toEqual([
      'name',
      'version',
      'oldestVersion',
      'initial',
      'parse',
      'execute',
      'snapshot',
      'restore',
    ])
    expect(service.restore(service.snapshot(7))).toBe(7)
    expect(defineService({ ...definition, version: 3 }).version).toBe(3)
  })

  test('keeps the methods of an instance of a class, with their this', () => {
    class Counter {
      readonly name = 'counter'
      readonly #first = 5
      initial() {
        return this.#first
      }
      parse() {
        return null
      }
      execute(state: number) {
        return { kind: 'executed' as const, state, result: state }
      }
      snapshot() {
        return []
      }
      restore() {
        return this.#first
      }
    }
    expect(defineService<number, null, number>(new Counter()).initial()).toBe(5)
  })

  test.each([
    [null, 'the definition of a service is null: it must be an object'],
    [{ ...definition, name: 'A' }, 'the service\'s name is "A": it must be 1 to 128 lower-case letters'],
    [{ ...definition, name: 'lock+kv' }, 'the service\'s name is "lock+kv"'],
    [{ ...definition, name: undefined }, "the service's name is nothing"],
    [{ ...definition, name: 'a'.repeat(129) }, "the service's name is"],
    [
      { ...definition, execute: undefined, restore: undefined },
      'counter-2 needs execute, restore: add each as a method',
    ],
    [{ ...definition, execute: 7 }, 'execute of the service counter-2 is 7: it must be a function'],
    [
      { ...definition, timerFired: 'later' },
      'timerFired of the service counter-2 is "later": it must be a function',
    ],
    [
      { ...definition, version: 0 },
      'version of the service counter-2 is 0: it must be a whole number from 1 on',
    ],
    [{ ...definition, version: '2' }, 'version of the service counter-2 is "2"'],
    [
      { ...definition, requestEnd: () => 0 },
      'a service has no requestEnd, which the service counter-2 defines; it has name',
    ],
  ])('refuses a definition with what is wrong: %#', (wrong, told) => {
    expect(() => defineService(wrong as typeof definition)).toThrow(told)
    expect(() => defineService(wrong as typeof definition)).toThrow(TypeError)
  })

  test('infers the types of commands and results', () => {
    const service = defineService(definition)
    expectTypeOf<CommandOf<typeof service>>().toExtend<{ readonly amount: number }>()
    expectTypeOf<ResultOf<typeof service>>().toEqualTypeOf<{ sum: number }>()
    expectTypeOf(service).toExtend<Service>()
  })
})
