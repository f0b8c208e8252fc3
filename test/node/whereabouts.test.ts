import { expect, it } from 'vitest'
import { Whereabouts } from '../../src/node/whereabouts.ts'
import { maxServersHeardFrom } from '../../src/wire/limits.ts'

function at(address: string) {
  return { address, incarnation: 'i' }
}

function addressIn(whereabouts: Whereabouts, id: number) {
  return whereabouts.of(id)?.address
}

it('who echoed its cookie is not pushed out by servers that do not exist', () => {
  const whereabouts = new Whereabouts()
  whereabouts.record(7, at('10.0.0.7:1'), true)
  for (let id = 100; id < 1_000; id += 1) whereabouts.record(id, at(`10.0.0.1:${id}`), false)
  expect(addressIn(whereabouts, 7)).toBe('10.0.0.7:1')
  expect(whereabouts.size).toBe(1 + maxServersHeardFrom)
  expect(addressIn(whereabouts, 999)).toBe('10.0.0.1:999')
})

it('nobody that has not echoed takes the name of one that has', () => {
  const whereabouts = new Whereabouts()
  whereabouts.record(7, at('10.0.0.1:1'), false)
  whereabouts.record(7, at('10.0.0.7:1'), true)
  whereabouts.record(7, at('10.0.0.1:1'), false)
  expect(addressIn(whereabouts, 7)).toBe('10.0.0.7:1')
})
