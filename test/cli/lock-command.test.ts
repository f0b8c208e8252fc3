/** `paxos lock NAME -- COMMAND`, as a process, against a server that answers from a script. */
import { afterEach, expect, test, vi } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { executed, FakeServer, response, type Script } from '../client/fake-server.ts'
import { BuiltPaxos, type Ended } from '../support/built-paxos.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const token = 42
const open: (() => Promise<void>)[] = []

afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()))
})

/** A server that grants the lock, and answers `freed` when it is to be freed. */
async function granting(freed = true): Promise<FakeServer> {
  const server = await FakeServer.start(0)
  const script: Script = (message) => {
    if (message.type !== 'request' || message.command.kind !== 'service') return []
    const { action } = message.command.body as { readonly action: string }
    return [response(message, executed(action === 'lock' ? { token } : { freed }))]
  }
  server.script = script
  open.push(() => server.stop())
  return server
}

function running(server: FakeServer, ...command: readonly string[]): BuiltPaxos {
  const paxos = new BuiltPaxos(['lock', 'a', '--servers', server.address, '--', ...command])
  open.push(async () => {
    paxos.signal('SIGKILL')
    await paxos.ended
  })
  return paxos
}

const node = (script: string) => [process.execPath, '-e', script]

function asked(server: FakeServer): readonly Json[] {
  return server.commands.flatMap((command) => (command.kind === 'service' ? [command.body] : []))
}

/** The lock was taken, and freed with its token. */
function expectFreed(server: FakeServer): void {
  expect(asked(server)).toEqual([
    { action: 'lock', name: 'a' },
    { action: 'unlock', name: 'a', token },
  ])
}

test('the command has the token and the outputs, its exit code counts, and the lock is freed after it', async () => {
  const server = await granting()
  const script = 'console.log(process.env.PAXOS_LOCK_TOKEN); console.error("no"); process.exitCode = 7'
  const ended = await running(server, ...node(script)).ended
  expect(ended).toEqual({ code: 7, stdout: '42\n', stderr: 'no\n' })
  expectFreed(server)
})

test('its arguments are its own, also those that look like options', async () => {
  const server = await granting()
  const { code, stdout } = await running(
    server,
    ...node('console.log(process.argv.slice(1).join())'),
    '--',
    '--json',
    '-h',
  ).ended
  expect({ code, stdout }).toEqual({ code: 0, stdout: '--json,-h\n' })
})

test.each([
  ['SIGTERM', 143],
  ['SIGKILL', 137],
])('a command that %s ends has the exit code of the shell', async (signal, code) => {
  const server = await granting()
  expect(await running(server, ...node(`process.kill(process.pid, '${signal}')`)).ended).toMatchObject({
    code,
  })
  expectFreed(server)
})

test.each([
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
] as const)('%s goes to the command, which may end as it likes', async (signal) => {
  const server = await granting()
  const paxos = running(
    server,
    ...node(
      `process.on('${signal}', () => process.exit(3)); setInterval(() => {}, 1000); console.log('ready')`,
    ),
  )
  await paxos.said(/ready/)
  expect(asked(server)).toHaveLength(1)
  paxos.signal(signal)
  expect(await paxos.ended).toMatchObject({ code: 3, stderr: '' })
  expectFreed(server)
})

test.each<[title: string, command: string, code: number, why: RegExp]>([
  [
    'is not there',
    'no-such-command-here',
    127,
    /the command no-such-command-here cannot be started: .*ENOENT/,
  ],
  ['cannot be run', '/', 126, /the command \/ cannot be started: .*EACCES/],
])('a command that %s: the exit code of the shell, and the lock is freed', async (_, command, code, why) => {
  const server = await granting()
  const ended: Ended = await running(server, command).ended
  expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: '' })
  expect(ended.stderr).toMatch(why)
  expectFreed(server)
})

test('a lock that somebody else freed meanwhile is reported, and the exit code is that of the command', async () => {
  const server = await granting(false)
  const { code, stderr } = await running(server, ...node('')).ended
  expect(code).toBe(0)
  expect(stderr).toBe('paxos: the lock a token 42 was no longer held when the command ended\n')
})

test('--json is refused with a command', async () => {
  const { code, stdout, stderr } = await new BuiltPaxos(['lock', 'a', '--json', '--', 'true']).ended
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
  expect(JSON.parse(stdout)).toMatchObject({ error: { message: expect.stringContaining('--json') } })
})
