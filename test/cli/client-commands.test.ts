/** The commands that ask a cluster, as processes, against servers that answer from a script. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { cluster, echo, executed, FakeServer, queued, response, type Script } from '../client/fake-server.ts'
import { BuiltPaxos, type Ended } from '../support/built-paxos.ts'
import { reportFrom } from './reports.ts'

/** The machine may be busy: what is bounded is bounded with this much room, in milliseconds. */
const roomMs = 1_500

const open: (() => Promise<void>)[] = []

afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()))
})

async function startServer(script: Script, id = 0): Promise<FakeServer> {
  const server = await FakeServer.start(id)
  server.script = script
  open.push(() => server.stop())
  return server
}

function run(servers: readonly FakeServer[], ...args: string[]): BuiltPaxos {
  const command = new BuiltPaxos([...args, '--servers', servers.map(({ address }) => address).join(',')])
  open.push(async () => {
    command.signal('SIGKILL')
    await command.ended
  })
  return command
}

const report = (status: Json): Script => {
  return (message) => (message.type === 'inquire' ? [{ type: 'report', status }] : [])
}

/** Says that it holds every request, and how it is; cancels are answered with `ended`, if that is given. */
const holding =
  (cancelled: boolean, changes: { readonly [key: string]: Json } = {}): Script =>
  (message) => {
    if (message.type !== 'request') return report(reportFrom(0, changes))(message)
    if (message.command.kind === 'cancel')
      return cancelled ? [response(message, executed({ ended: null }))] : []
    return [queued(message)]
  }

/** Every request fails with `error`. */
const failing =
  (error: string): Script =>
  (message) =>
    message.type === 'request' ? [response(message, { kind: 'failed', error, instance: 1, index: 0 })] : []

async function untilAsked(server: FakeServer): Promise<void> {
  await vi.waitFor(() => expect(server.requests.length).toBeGreaterThan(0), { timeout: 30_000, interval: 5 })
}

const isCancel = (server: FakeServer) => server.commands.some(({ kind }) => kind === 'cancel')

test('paxos --version says which version it is, and nothing else', async () => {
  const { code, stdout, stderr } = await new BuiltPaxos(['--version']).ended
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})

describe('with --json, what went wrong is one object on stdout', () => {
  function expectError({ code, stdout, stderr }: Ended, exitCode: number, error: string, why: string): void {
    expect({ code, stderr }).toEqual({ code: exitCode, stderr: '' })
    expect(stdout).toMatch(/^[^\n]+\n$/)
    expect(JSON.parse(stdout)).toEqual({ error: { code: error, message: expect.stringContaining(why) } })
  }

  test.each([
    ['lock --json', "missing required argument 'NAME'"],
    ['status --json --timeout soon', "'soon' is invalid"],
    ['frobnicate --json', "unknown command 'frobnicate'"],
  ])('a wrong use: %s', async (args, why) => {
    expectError(await new BuiltPaxos(args.split(' ')).ended, 2, 'usage', why)
  })

  test('what the service refuses', async () => {
    const server = await startServer(failing('no such lock'))
    expectError(await run([server], 'unlock', 'a', '--json').ended, 1, 'failed', 'no such lock')
  })

  test('a wrong argument that the library finds', async () => {
    const server = await startServer(echo)
    const ended = await run([server], 'lock', 'n'.repeat(300), '--json').ended
    expectError(ended, 2, 'usage', '1 to 256 characters')
  })

  test('no answer', async () => {
    const server = await startServer(() => [])
    server.welcome = null
    const ended = await run([server], 'lock', 'a', '--json', '--timeout', '0.3').ended
    expectError(ended, 5, 'noServerAnswers', 'no server answered after 0.3 s')
  })

  test('too few servers', async () => {
    const server = await startServer(holding(true))
    const ended = await run([server], 'lock', 'a', '--json', '--timeout', '0.5').ended
    expectError(
      ended,
      4,
      'noQuorum',
      'gave up after 0.5 s (1 of 3 members answer, and a majority is needed): see paxos status',
    )
  })

  const alone = { members: [{ id: 0, address: 'a:1', counted: true }] }

  /** Holds every request, and answers no read. */
  const stuck: Script = (message) => (message.type === 'read' ? [] : holding(true, alone)(message))

  /** The end of a command, given as its words, at a server that has all services and executes nothing. */
  async function atStuckServer(args: string) {
    const server = await startServer(stuck)
    if (server.welcome !== null) server.welcome = { ...server.welcome, service: 'kv+lock' }
    return run([server], ...args.split(' '), '--json', '--timeout', '0.5').ended
  }

  test.each([
    'unlock a',
    'unlock a --force',
    'locks',
    'sessions',
    'sessions end 1.0',
    'members add 3=127.0.0.1:1',
    'members remove 1',
    'members move 1=127.0.0.1:1',
    'quota set 1GiB',
    'upgrade 1',
    'kv get k',
    'kv list',
    'kv put k 1',
    'kv cas k 1 1',
    'kv delete k',
  ])('a cluster that answers and does nothing: %s', async (args) => {
    const ended = await atStuckServer(args)
    expectError(ended, 4, 'noQuorum', 'gave up after 0.5 s (1 of 1 members answer): see paxos status')
  })

  test.each([
    'kv take k',
    'kv watch k',
    'locks --watch',
  ])('another client that does nothing: %s', async (args) => {
    const ended = await atStuckServer(args)
    expectError(ended, 3, 'gaveUp', 'gave up after 0.5 s (1 of 1 members answer)')
  })

  test('a lock that is held', async () => {
    const server = await startServer(holding(true, alone))
    const ended = await run([server], 'lock', 'a', '--json', '--timeout', '0.5').ended
    expectError(ended, 3, 'gaveUp', 'gave up after 0.5 s (1 of 1 members answer)')
  })

  test('a signal', async () => {
    const server = await startServer(holding(true))
    const command = run([server], 'lock', 'a', '--json')
    await untilAsked(server)
    command.signal('SIGTERM')
    expectError(await command.ended, 143, 'interrupted', 'interrupted')
  })

  test('but not behind --, where it is a name', async () => {
    const server = await startServer(failing('no such lock'))
    const { code, stdout, stderr } = await new BuiltPaxos([
      'unlock',
      '--servers',
      server.address,
      '--',
      '--json',
    ]).ended
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: 'paxos: no such lock\n' })
  })
})

describe('servers of different clusters', () => {
  async function twoClusters(script: Script): Promise<readonly [FakeServer, FakeServer]> {
    const inCluster = (name: string): Script => {
      const status = reportFrom(0, { cluster: name, members: [] })
      return (message) => (message.type === 'inquire' ? [{ type: 'report', status }] : script(message))
    }
    return [await startServer(inCluster(cluster)), await startServer(inCluster('anew'), 1)]
  }

  const warning = ([first, second]: readonly [FakeServer, FakeServer]) =>
    `these servers belong to different clusters: ${first.address} to ${cluster}; ${second.address} to anew. ` +
    'A client of all of them uses the one that answers first: stop the servers of the wrong cluster\n'

  test('a command that one of them answers warns, and ends as it would', async () => {
    const servers = await twoClusters(failing('no such lock'))
    const { code, stderr } = await run(servers, 'unlock', 'a').ended
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `paxos: ${warning(servers)}paxos: no such lock\n`,
    })
  })

  test('paxos lock, which asks twice, warns once', async () => {
    let unlocks = 0
    const servers = await twoClusters((message) => {
      if (message.type !== 'request') return []
      const { action } = Object((message.command as { readonly body?: Json }).body)
      // The first is lost: so the servers have named their clusters again before the command ends.
      if (action === 'unlock') unlocks += 1
      if (unlocks === 1) return []
      return [response(message, executed(action === 'lock' ? { token: 7 } : { unlocked: true }))]
    })
    const addresses = servers.map(({ address }) => address).join(',')
    const { code, stderr } = await new BuiltPaxos(['lock', 'a', '--servers', addresses, '--', 'true']).ended
    expect(stderr.split('different clusters')).toHaveLength(2)
    expect(code).toBe(0)
  })

  test('status --json ends with 7, and warns beside the object', async () => {
    const servers = await twoClusters(() => [])
    const { code, stdout, stderr } = await run(servers, 'status', '--json').ended
    expect(code).toBe(7)
    expect(JSON.parse(stdout).servers).toHaveLength(2)
    expect(stderr).toMatch(
      /^paxos: warning: these servers belong to different clusters: server 0 at [^\n]+\n$/,
    )
  })
})

describe('a deadline is kept', () => {
  /** How long `args` take from the first request on, without the start of the process. */
  async function lasting(script: Script, ...args: string[]): Promise<Ended & { readonly ms: number }> {
    const server = await startServer(script)
    const command = run([server], ...args)
    await untilAsked(server)
    const startMs = performance.now()
    const ended = await command.ended
    return { ...ended, ms: performance.now() - startMs }
  }

  test('where the request can be taken back', async () => {
    const { code, stderr, ms } = await lasting(holding(true), 'lock', 'a', '--timeout', '1.5')
    expect({ code, stderr }).toEqual({
      code: 4,
      stderr:
        'paxos: gave up after 1.5 s (1 of 3 members answer, and a majority is needed): see paxos status\n',
    })
    expect(ms).toBeLessThan(1_500 + roomMs)
  })

  test.each([
    ['lock', 'a'],
    ['unlock', 'a'],
    ['members', 'remove', '1'],
  ])('where no quorum takes it back: %s', async (...args) => {
    const { code, stderr, ms } = await lasting(holding(false), ...args, '--timeout', '1')
    expect(code).toBe(4)
    expect(stderr).toMatch(/^paxos: gave up after 1 s [^\n]+ not known whether [^\n]+\n$/)
    expect(ms).toBeLessThan(1_000 + 1_000 + roomMs)
  })

  test('where a removal takes all the time there is', async () => {
    const server = await startServer(() => [])
    const member = { id: 0, address: server.address, counted: true }
    let asked = 0
    server.script = (message) => {
      if (message.type !== 'request') return report({})(message)
      asked += 1
      return asked === 1 ? [response(message, executed({ members: [member] } as unknown as Json))] : []
    }
    const command = run([server], 'members', 'remove', '1', '--timeout', '1')
    await untilAsked(server)
    const startMs = performance.now()
    const { code, stdout } = await command.ended
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'removed server 1; do not stop it before more of the others answer\n',
    })
    expect(performance.now() - startMs).toBeLessThan(1_000 + 1_000 + roomMs)
  })
})

describe('a name without an IP address is told of', () => {
  const nowhere = 'nope.invalid:29371'
  const why = 'the name nope.invalid has no IP address'

  test('where no server answers', async () => {
    const { code, stderr } = await new BuiltPaxos(['lock', 'a', '--servers', nowhere, '--timeout', '2']).ended
    expect(code).toBe(5)
    expect(stderr).toBe(
      `paxos: no server answered after 2 s at ${nowhere}: ${why} (--servers gives their addresses)\n`,
    )
  })

  test('where another server answers', async () => {
    const server = await startServer(report(reportFrom(0, { members: [] })))
    const servers = `${server.address},${nowhere}`
    const { code, stdout } = await new BuiltPaxos(['status', '--servers', servers]).ended
    expect(code).toBe(7)
    expect(stdout).toMatch(new RegExp(`^-  +${nowhere}  ${why}$`, 'm'))
  })
})

describe('a command that waits gives its request up before it ends', () => {
  test.each([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGQUIT', 131],
    ['SIGTERM', 143],
  ] as const)('at %s', async (signal, exitCode) => {
    const server = await startServer(holding(true))
    const command = run([server], 'lock', 'a')
    await untilAsked(server)
    command.signal(signal)
    const { code, stderr } = await command.ended
    expect({ code, stderr }).toEqual({ code: exitCode, stderr: 'paxos: interrupted\n' })
    expect(isCancel(server)).toBe(true)
  })
})

describe('what is printed moves no cursor', () => {
  const nasty = 'x\x1b[2J\n\x9b31m\u202ey'
  const control = /[\p{Cc}\p{Cf}]/u
  const withoutLineEnds = (text: string) => text.replaceAll('\n', '')

  test('in an error of the service', async () => {
    const server = await startServer(failing(nasty))
    const { code, stderr } = await run([server], 'lock', 'a').ended
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'paxos: x\\x1b[2J\\x0a\\x9b31m\\u202ey\n' })
    const told = await run([server], 'lock', 'a', '--json').ended
    expect(withoutLineEnds(told.stdout)).not.toMatch(control)
    expect(JSON.parse(told.stdout).error.message).toContain('\\x1b[2J')
  })

  test('in the name of a lock', async () => {
    const server = await startServer((message) =>
      message.type === 'request' ? [response(message, executed({ freed: true }))] : [],
    )
    expect((await run([server], 'unlock', nasty).ended).stdout).toBe(
      'unlocked x\\x1b[2J\\x0a\\x9b31m\\u202ey\n',
    )
    const { stdout } = await run([server], 'unlock', nasty, '--json').ended
    expect(withoutLineEnds(stdout)).not.toMatch(control)
    expect(JSON.parse(stdout)).toEqual({ name: nasty, freed: true })
  })

  test('in a status', async () => {
    const server = await startServer(report({ ...statusOf(0), state: nasty, cluster: nasty }))
    const { stdout } = await run([server], 'status').ended
    expect(withoutLineEnds(stdout)).not.toMatch(control)
    expect(stdout).toContain('x\\x1b[2J\\x0a')
    const json = await run([server], 'status', '--json').ended
    expect(withoutLineEnds(json.stdout)).not.toMatch(control)
    expect(JSON.parse(json.stdout).servers[0].status.cluster).toBe(nasty)
  })
})

function statusOf(id: number) {
  return {
    id,
    address: `127.0.0.1:${id + 1}`,
    cluster,
    pid: 7,
    state: 'running',
    counted: true,
    roles: { acceptor: 'listening', proposer: 'idle', learner: 'following', requestQueue: 'empty' },
    ballot: null,
    promised: null,
    firstUnchosen: 12,
    clockMs: 0,
    deadlineMs: null,
    queue: { length: 0, delayed: 0 },
    sessions: 1,
    members: [],
    datagrams: null,
  }
}

test('status shows what it can: of servers that are silent, of another cluster or another version', async () => {
  const servers = await Promise.all([0, 1, 2, 3].map((id) => startServer(report(statusOf(id)), id)))
  const [, foreign, other, silent] = servers
  foreign!.script = report({ ...statusOf(1), cluster: 'elsewhere' })
  other!.script = report({ id: 2, epoch: 9 })
  silent!.script = () => []
  const { code, stdout, stderr } = await run(servers, 'status').ended
  expect({ code, stderr }).toEqual({ code: 7, stderr: '' })
  const lines = stdout.split('\n')
  expect(lines[1]).toMatch(/^0 .* running /)
  expect(lines[2]).toMatch(/^1 .* running /)
  expect(lines[3]).toMatch(new RegExp(`^2 +${other!.address} +answers with another version of paxos$`))
  expect(lines[4]).toMatch(new RegExp(`^- +${silent!.address} +no answer$`))
  expect(lines.slice(6, 8)).toEqual([
    `server 0: cluster ${cluster}, members `,
    'server 1: cluster elsewhere, members ',
  ])
})
