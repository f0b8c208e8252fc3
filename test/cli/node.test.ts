import { describe, expect, test } from 'vitest'
import { Failure } from '../../src/cli/exit-codes.ts'
import { type NodeFlags, nodeOptions } from '../../src/cli/node.ts'

const members = [
  { id: 0, address: '127.0.0.1:29367' },
  { id: 1, address: '127.0.0.1:29368' },
]

/** The error that the options cause. */
function refusal(flags: Partial<NodeFlags>): string {
  try {
    nodeOptions({ id: 0, logLevel: 'info', ...flags })
  } catch (error) {
    expect(error).toBeInstanceOf(Failure)
    return (error as Failure).message
  }
  return 'not refused'
}

describe('the options of paxos node', () => {
  test('found a cluster', () => {
    expect(
      nodeOptions({
        id: 1,
        logLevel: 'info',
        members,
        data: 'd',
        bootstrap: true,
        cluster: 'c',
        executedLog: true,
      }),
    ).toEqual({
      id: 1,
      listen: '127.0.0.1:29368',
      advertise: '127.0.0.1:29368',
      dataDir: 'd',
      bootstrap: { members, cluster: 'c' },
      executedLog: true,
    })
  })

  test('join one', () => {
    const flags = { id: 3, logLevel: 'info', data: 'd', listen: '127.0.0.1:4', join: '127.0.0.1:29367' }
    expect(nodeOptions(flags)).toEqual({
      id: 3,
      listen: '127.0.0.1:4',
      dataDir: 'd',
      join: '127.0.0.1:29367',
    })
  })

  test('have the names of version 0.1.0 too', () => {
    const flags = { id: 0, logLevel: 'info', data: 'd', listen: '127.0.0.1:4' }
    expect(nodeOptions({ ...flags, trace: true, record: 'f' })).toEqual(
      nodeOptions({ ...flags, executedLog: true, journal: 'f' }),
    )
  })

  test('start a server again, from what it stored', () => {
    expect(nodeOptions({ id: 0, logLevel: 'info', data: 'd', listen: '127.0.0.1:4' })).toEqual({
      id: 0,
      listen: '127.0.0.1:4',
      dataDir: 'd',
    })
  })

  test('store in memory', () => {
    expect(
      nodeOptions({ id: 0, logLevel: 'info', members, memory: true, bootstrap: true }).dataDir,
    ).toBeNull()
  })

  test('tell others an address that is not the one listened on', () => {
    const wide = { id: 0, logLevel: 'info', data: 'd', listen: '0.0.0.0:29367' }
    expect(nodeOptions({ ...wide, members })).toMatchObject({
      listen: '0.0.0.0:29367',
      advertise: '127.0.0.1:29367',
    })
    expect(nodeOptions({ ...wide, advertise: 'a:1' })).toMatchObject({
      listen: '0.0.0.0:29367',
      advertise: 'a:1',
    })
    expect(nodeOptions({ ...wide, members, advertise: 'a:1' })).toMatchObject({ advertise: 'a:1' })
  })

  test('are refused, naming the option and the value, when they do not go together', () => {
    expect(refusal({ id: 5, members, data: 'd' })).toContain('--id 5 is not among --members (0, 1)')
    expect(refusal({ data: 'd', bootstrap: true, listen: 'a:1' })).toContain('--bootstrap needs --members')
    expect(refusal({ members, data: 'd', cluster: 'c' })).toContain('--cluster c names a new cluster')
    expect(refusal({ members })).toContain('--data DIR is missing')
    expect(refusal({ data: 'd', join: 'a:1' })).toContain('--listen HOST:PORT is missing')
  })
})
