import { describe, expect, test } from 'vitest'
import { type ClusterFlags, planCluster, startAgain } from '../../src/cli/cluster-plan.ts'

const flags: ClusterFlags = { servers: 3, host: '127.0.0.1', port: 29_367, data: '.paxos', logLevel: 'warn' }
const membersText = '0=127.0.0.1:29367,1=127.0.0.1:29368,2=127.0.0.1:29369'

/** The plan when servers may have voted from the directories `members`, and others were founding from `founding`. */
function plan(
  changes: Partial<ClusterFlags> = {},
  members: readonly string[] = [],
  founding: readonly string[] = [],
) {
  const standing = (dataDir: string) => {
    if (members.includes(dataDir)) return 'member'
    return founding.includes(dataDir) ? 'founding' : 'empty'
  }
  return planCluster({ ...flags, ...changes }, standing, 'paxos')
}

describe('the plan of paxos cluster', () => {
  test('founds a cluster when nothing is stored', () => {
    const { isFirstStart, start, lost } = plan({ executedLog: true })
    expect({ isFirstStart, lost }).toEqual({ isFirstStart: true, lost: [] })
    expect(start.map(({ id, address, dataDir }) => ({ id, address, dataDir }))).toEqual([
      { id: 0, address: '127.0.0.1:29367', dataDir: '.paxos/0' },
      { id: 1, address: '127.0.0.1:29368', dataDir: '.paxos/1' },
      { id: 2, address: '127.0.0.1:29369', dataDir: '.paxos/2' },
    ])
    expect(start[1]?.args).toEqual([
      'node',
      '--id',
      '1',
      '--members',
      membersText,
      '--data',
      '.paxos/1',
      '--executed-log',
    ])
  })

  test('gives each server the service, also one that joins anew', () => {
    const { start, lost } = plan({ service: 'kv+lock' }, ['.paxos/1', '.paxos/2'])
    for (const { args } of start) expect(args.slice(-2)).toEqual(['--service', 'kv+lock'])
    expect(lost[0]?.reason).toContain('--data .paxos/0 --service kv+lock --join 127.0.0.1:29368')
    expect(plan({ service: 'lock' })).toEqual(plan())
  })

  test('takes the name that --executed-log had in version 0.1.0', () => {
    expect(plan({ trace: true })).toEqual(plan({ executedLog: true }))
  })

  test('goes on with a founding that was interrupted, though others have begun it', () => {
    const { isFirstStart, start, lost } = plan({}, [], ['.paxos/1'])
    expect({ isFirstStart, ids: start.map(({ id }) => id), lost }).toEqual({
      isFirstStart: true,
      ids: [0, 1, 2],
      lost: [],
    })
  })

  test('starts a server that had not ended its founding when others had', () => {
    const { isFirstStart, start, lost } = plan({}, ['.paxos/0'], ['.paxos/1'])
    expect({ isFirstStart, ids: start.map(({ id }) => id), lost: lost.map(({ id }) => id) }).toEqual({
      isFirstStart: false,
      ids: [0, 1],
      lost: [2],
    })
  })

  test('goes on with what is stored', () => {
    const { isFirstStart, start, lost } = plan({}, ['.paxos/0', '.paxos/1', '.paxos/2'])
    expect({ isFirstStart, ids: start.map(({ id }) => id), lost }).toEqual({
      isFirstStart: false,
      ids: [0, 1, 2],
      lost: [],
    })
  })

  test('does not start a server that has lost its directory, and says how to put it back', () => {
    const { isFirstStart, start, lost } = plan({}, ['.paxos/1', '.paxos/2'])
    expect({ isFirstStart, ids: start.map(({ id }) => id) }).toEqual({ isFirstStart: false, ids: [1, 2] })
    expect(lost.map(({ id }) => id)).toEqual([0])
    expect(lost[0]?.reason).toContain('.paxos/0 is empty while .paxos/1 is not')
    expect(lost[0]?.reason).toContain('paxos members remove 0 --servers 127.0.0.1:29368')
    expect(lost[0]?.reason).toContain(
      'paxos node --id 0 --listen 127.0.0.1:29367 --data .paxos/0 --join 127.0.0.1:29368',
    )
  })

  test('tells each server where the inspector is, also in what is to be typed', () => {
    const { start, lost } = plan({ inspect: 29_400, allowFaults: true }, ['.paxos/0', '.paxos/1'])
    for (const { args } of start) {
      expect(args.slice(-3)).toEqual(['--inspect', '127.0.0.1:29400', '--allow-faults'])
    }
    expect(lost[0]?.reason).toContain('--data .paxos/2 --inspect 127.0.0.1:29400 --join')
  })

  test('founds a cluster in memory at every start', () => {
    const { isFirstStart, start } = plan({ memory: true }, ['.paxos/0'])
    expect({ isFirstStart, args: start[0]?.args }).toEqual({
      isFirstStart: true,
      args: ['node', '--id', '0', '--members', membersText, '--memory'],
    })
  })

  test('puts an IPv6 host in brackets', () => {
    expect(plan({ host: '::1', servers: 1 }).start[0]?.address).toBe('[::1]:29367')
  })

  test('needs a port for each server', () => {
    expect(() => plan({ port: 65_534 })).toThrow('--port 65534 leaves too few ports for --servers 3')
  })

  test('tells how to start a server again', () => {
    const [server] = plan({ data: "my 'data" }, ["my 'data/0"]).start
    if (server === undefined) throw new Error('no server is planned')
    expect(startAgain(server, 'a:1', 'paxos')).toBe(
      `Start it again with: paxos node --id 0 --members ${membersText} --data 'my '\\''data/0'`,
    )
    expect(startAgain({ ...server, dataDir: null }, 'a:1', 'paxos')).toContain(
      'paxos node --id 0 --listen 127.0.0.1:29367 --memory --join a:1',
    )
  })
})
