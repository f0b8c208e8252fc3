import { expect, test } from 'vitest'
import { fuzz } from './fuzz.ts'

/** What each server may grow by, in bytes: its garbage counts too. */
const growthBytes = 384 * 1_048_576

test('no datagram stops, wedges or swells a cluster, or loses what it answered', async () => {
  const report = await fuzz({
    seed: 10,
    datagrams: 40_000,
    limitMs: 40_000,
    growthBytes,
    patienceMs: 20_000,
  })
  expect(report.faults).toEqual([])
  expect(report.sent).toBeGreaterThan(5_000)
  expect(report.openedSessions).toBeGreaterThan(20)
  expect(report.honest.fuzzed.count).toBeGreaterThan(20)
  expect(report.seenTypes).toEqual(
    expect.arrayContaining(['prepare', 'promise', 'accept', 'accepted', 'request', 'response']),
  )
})
