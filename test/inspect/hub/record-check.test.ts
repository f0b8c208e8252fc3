import { expect, test } from 'vitest'
import type { RequestMessage } from '../../../machines/messages.ts'
import { isServerRecord } from '../../../src/inspect/hub/record-check.ts'
import { step } from '../../support/hub.ts'

const message: RequestMessage = {
  type: 'request',
  uid: 'a@0',
  ackedBelow: 0,
  requests: [{ seq: 1, command: { kind: 'service', body: { action: 'lock', name: 'a' } } }],
}

test.each([
  ['127.0.0.1:5', true],
  ['[fe80::1%eth0]:5', true],
  // A client that speaks plain text.
  ['seed 127.0.0.1:5', true],
  ['seed [::1]:5', true],
  ['seed ', false],
  ['seed nobody', false],
  ['SEED 127.0.0.1:5', false],
  ['127.0.0.1', false],
])('what a server tells of a client at %s is taken: %s', (address, isTaken) => {
  const request = step(1, { cause: { type: 'request', message, replyTo: address } })
  expect(isServerRecord(request, 0)).toBe(isTaken)
  const queued = { type: 'queued', uid: 'a@0', seqs: [1] } as const
  const answer = step(1, { facts: [{ type: 'responded', node: 0, to: address, message: queued }] })
  expect(isServerRecord(answer, 0)).toBe(isTaken)
})
