import { expect, it } from 'vitest'
import { HeardFrom } from '../../src/node/heard-from.ts'
import { maxServersHeardFrom } from '../../src/node/wire/limits.ts'

it('who echoed its cookie is not pushed out by servers that do not exist', () => {
  const heardFrom = new HeardFrom()
  heardFrom.record(7, '10.0.0.7:1', true)
  for (let id = 100; id < 1_000; id += 1) heardFrom.record(id, `10.0.0.1:${id}`, false)
  expect(heardFrom.addressOf(7)).toBe('10.0.0.7:1')
  expect(heardFrom.size).toBe(1 + maxServersHeardFrom)
  expect(heardFrom.addressOf(999)).toBe('10.0.0.1:999')
})

it('nobody that has not echoed takes the name of one that has', () => {
  const heardFrom = new HeardFrom()
  heardFrom.record(7, '10.0.0.1:1', false)
  heardFrom.record(7, '10.0.0.7:1', true)
  heardFrom.record(7, '10.0.0.1:1', false)
  expect(heardFrom.addressOf(7)).toBe('10.0.0.7:1')
})
