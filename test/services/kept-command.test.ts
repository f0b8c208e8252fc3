import { expect, test } from 'vitest'
import { commandDigest } from '../../src/core/digest.ts'
import { isKeptCommand, keptCommand, keptDigest } from '../../src/services/kept-command.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import { Replica } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import { ask, body, newReplica, outcomesOf, refused, run } from './driver.ts'

const small = body({ action: 'put', key: 'k', value: 1 })
const large = body({ action: 'put', key: 'k', value: 'v'.repeat(1_000) })

test('a small command is kept, and a large one only as its digest', () => {
  expect(keptCommand(small)).toBe(small)
  expect(keptCommand(large)).toBe(commandDigest(large))
})

test.each([small, large])('a kept command and its digest give the same answers: %#', (command) => {
  const kept = keptCommand(command)
  const digest = keptDigest(kept)
  expect(digest).toBe(commandDigest(command))
  const { action, key, value } = command.kind === 'service' ? (command.body as Record<string, never>) : {}
  const reordered = body({ value: value ?? null, key: key ?? null, action: action ?? null })
  for (const same of [command, structuredClone(command), reordered]) {
    expect([isKeptCommand(kept, same), isKeptCommand(digest, same)]).toEqual([true, true])
  }
  for (const other of [body({ action: 'put', key: 'k', value: 2 }), body(null)]) {
    expect([isKeptCommand(kept, other), isKeptCommand(digest, other)]).toEqual([false, false])
  }
})

test('a replica from a snapshot refuses the same commands, and has the same snapshot', () => {
  const service = kvService as Service
  const replica = newReplica(service)
  const waits = body({ action: 'take', key: 'none' })
  run(replica, [ask('a@0', 1, small), ask('a@0', 2, large), ask('a@0', 3, waits)])
  const restored = Replica.restore(service, replica.snapshot())
  expect(restored.digest()).toBe(replica.digest())
  const again = [1, 2, 3].map((seq) => ask('a@0', seq, body({ action: 'get', key: 'k' })))
  for (const each of [replica, restored]) {
    expect(outcomesOf(each, structuredClone(again))).toEqual([1, 2, 3].map(() => refused('conflict')))
    expect(outcomesOf(each, [ask('a@0', 3, structuredClone(waits))])).toEqual([
      { kind: 'delayed', key: 'waiter 0' },
    ])
  }
  expect(restored.digest()).toBe(replica.digest())
})
