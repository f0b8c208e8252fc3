import { expect, test } from 'vitest'
import { kvService } from '../../src/services/kv/kv.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import { textProtocolOf } from '../../src/services/text-protocols.ts'

test('the lock service has the plain text of the seed, and the others have none', () => {
  expect(textProtocolOf(lockService as Service)?.prefix).toBe('REQUEST')
  expect(textProtocolOf(kvService as Service)).toBeUndefined()
})
