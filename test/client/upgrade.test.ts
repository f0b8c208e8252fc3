/** Which servers stand in the way of an upgrade, by the statuses of those that were asked. */
import { expect, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import type { ServerStatus } from '../../src/client/client.ts'
import { ServerSilent, UpgradeRefused } from '../../src/client/errors.ts'
import { planOf } from '../../src/client/upgrade.ts'

const addressOf = (id: number) => `127.0.0.1:${29_367 + id}`

const members = [0, 1, 2, 3].map((id) => ({ id, address: addressOf(id), counted: id !== 3 }))

function answer(id: number, more: { readonly [field: string]: Json }): ServerStatus {
  return { server: addressOf(id), status: { id, firstUnchosen: 9, members, ...more } as Json }
}

const has = (id: number, newest: number) => answer(id, { service: { oldest: 1, newest } })

const silent = (id: number): ServerStatus => ({
  server: addressOf(id),
  error: new ServerSilent(addressOf(id), 1_000),
})

function reasonsOf(statuses: readonly ServerStatus[], version?: number): readonly string[] {
  try {
    planOf(statuses, version)
  } catch (error) {
    if (error instanceof UpgradeRefused) return error.reasons
    throw error
  }
  return []
}

test('takes the latest version that all counted servers have', () => {
  expect(planOf([has(0, 3), has(1, 2), has(2, 3), silent(3)])).toEqual({
    version: 2,
    supportedBy: [0, 1, 2],
  })
})

test('names a server that is silent, one that does not report versions, and one without the version', () => {
  expect(reasonsOf([has(0, 1), answer(1, {}), silent(2), silent(3)], 2)).toEqual([
    'server 0 has version 1, not 2',
    'server 1 does not report the versions of its service',
    `server 2 does not answer at ${addressOf(2)}: start it, or remove it if it is lost (paxos members remove 2)`,
  ])
})
