/** The quota of the replicated state, for people and for programs, against a server that is a process. */
import { describe, expect, test } from 'vitest'
import { connect, InvalidArgument, QuotaExceeded } from '../../src/index.ts'
import { asksOnce } from '../support/asks-once.ts'
import type { Ended } from '../support/built-paxos.ts'
import { oneServer } from './one-server.ts'
import { paxos } from './paxos.ts'

const server = oneServer('--service', 'kv+lock')
const quotaBytes = 1_048_576

const run = (...args: readonly string[]): Promise<Ended> => paxos(...args, '--servers', server.address)

describe('paxos quota', () => {
  test('shows the quota, and refuses what is none', async () => {
    expect(await run('quota')).toEqual({
      ...{ code: 0, stderr: '' },
      stdout: 'the replicated state takes 0 bytes of its quota of 1073741824 bytes (1GiB): 0.0 %\n',
    })
    for (const size of ['5', '1000000000000GiB', '4097TiB', '1GB', '-1', '1.5GiB']) {
      expect(await run('quota', 'set', size)).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(
          /Give a size, such as 512MiB.* from 1048576 bytes \(1MiB\) to 4503599627370496 bytes \(4096TiB\)/,
        ),
      })
    }
    const client = connect({ servers: [server.address] })
    await expect(client.setQuota(5)).rejects.toThrow(InvalidArgument)
    await client.close()
  })

  test('set lets the cluster refuse what makes the state larger, until there is room or a larger quota', async () => {
    expect(await run('quota', 'set', '1MiB')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(
        'changed the quota from 1073741824 bytes (1GiB) to 1048576 bytes (1MiB); ',
      ),
    })
    const client = connect({ servers: [server.address], ...asksOnce })
    const value = 'x'.repeat(30_000)
    try {
      let filled = 0
      for (; filled < 40; filled += 1) {
        const error = await client.kv.put(`k${filled}`, value).then(
          () => null,
          (thrown: unknown) => thrown,
        )
        if (error === null) continue
        expect(error).toBeInstanceOf(QuotaExceeded)
        expect(error).toMatchObject({ quotaBytes, growthBytes: expect.any(Number) })
        const { sizeBytes, growthBytes } = error as QuotaExceeded
        expect(sizeBytes + growthBytes).toBeGreaterThan(quotaBytes)
        break
      }
      expect(filled).toBeGreaterThan(30)
      expect(await client.kv.get(`k${filled}`)).toBeNull()
      expect(await run('kv', 'put', 'more', value)).toMatchObject({
        code: 10,
        stderr: expect.stringMatching(/^paxos: the replicated state takes \d+ bytes of its quota of 1048576/),
      })
      expect(JSON.parse((await run('kv', 'put', 'more', value, '--json')).stdout).error.code).toBe(
        'quotaExceeded',
      )
      const { sizeBytes } = JSON.parse((await run('quota', '--json')).stdout)
      expect(sizeBytes).toBeGreaterThan(quotaBytes - 40_000)
      expect((await run('status')).stdout).toMatch(/state bytes +\d+ +1048576/)
      expect(await run('kv', 'delete', 'k0')).toMatchObject({ code: 0 })
      await client.kv.put('k1', 'small')
      await client.kv.put('more', value)
      expect(await run('quota', 'set', '2TiB')).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(
          /to 2199023255552 bytes \(2TiB\); the state takes \d+ bytes \([\d.]+KiB\): 0\.0 %\n$/,
        ),
      })
      await client.kv.put('k0', value)
    } finally {
      await client.close()
    }
  })
})
