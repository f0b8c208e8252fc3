import { expect, test } from 'vitest'
import { compose } from '../../src/services/compose.ts'
import { knownService } from '../../src/services/known.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import { textProtocolOf } from '../../src/services/text-protocols.ts'

test('where the lock service is composed with others, plain text is for it', () => {
  const composed = compose({ kv: kvService, lock: lockService as Service })
  const requests = textProtocolOf(composed as Service)?.read("REQUEST:-1:-1:(1,'LOCK','a')", '127.0.0.1:1')
  const body = { service: 'lock', command: { action: 'lock', name: 'a' } }
  expect(requests).toMatchObject([{ requests: [{ command: { kind: 'service', body } }] }])
  expect(textProtocolOf(compose({ kv: kvService }) as Service)).toBeUndefined()
})

test('a service of the package is found by its name, also one that is composed', () => {
  expect(knownService('kv+lock')?.name).toBe('kv+lock')
  expect(knownService('kv')).toBe(kvService)
  for (const name of ['', 'lock+', 'lock+lock', 'queue', 'toString']) expect(knownService(name)).toBeNull()
})

test('the lock service has the plain text of the seed, and the others have none', () => {
  expect(textProtocolOf(lockService as Service)?.prefix).toBe('REQUEST')
  expect(textProtocolOf(kvService as Service)).toBeUndefined()
})
