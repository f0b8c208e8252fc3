/** The drills of docs/operations.md, as they stand there, in their order, in one shell. Only ports and the directory differ. */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { main } from '../support/built-paxos.ts'
import { freePorts } from '../support/free-ports.ts'

const text = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')

/** The ports that the document uses, each once. */
const ports = [...new Set([...text.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port = '']) => port))]

/** The commands of each drill, under its heading. */
const drills = text.split(/^## /m).map((section) => ({
  name: section.split('\n', 1)[0] ?? '',
  commands: [...section.matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block).join(''),
}))

let directory: string
let shell: ChildProcess | null = null

afterEach(async () => {
  // The shell leads a group of its own, with all servers that it started.
  if (shell?.pid !== undefined) killGroup(shell.pid)
  rmSync(directory, { recursive: true, force: true })
})

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All have ended.
  }
}

/** The output of each drill, by its name. */
async function run(servers: string, at: (port: string) => string): Promise<Readonly<Record<string, string>>> {
  const bin = join(directory, 'bin')
  mkdirSync(bin)
  const npx = `#!/bin/sh
shift; command=$1; shift
case $command in
upgrade) exec ${process.execPath} ${main} upgrade --servers ${servers} ;;
members | quota) sub=$1; shift; exec ${process.execPath} ${main} $command $sub --servers ${servers} "$@" ;;
lock | locks) exec ${process.execPath} ${main} $command --servers ${servers} "$@" ;;
*) exec ${process.execPath} ${main} $command "$@" ;;
esac
`
  writeFileSync(join(bin, 'npx'), npx)
  chmodSync(join(bin, 'npx'), 0o755)
  const script = drills.map(({ name, commands }) => `echo '## ${name}'\n${commands}`).join('')
  const placed = script.replaceAll(/127\.0\.0\.1:(\d+)/g, (_, port: string) => `127.0.0.1:${at(port)}`)
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` }
  const child = spawn('sh', ['-c', `${placed}\necho '## end'\nkill 0\n`], {
    cwd: directory,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  shell = child
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (part: string) => {
      output += part
    })
  }
  await new Promise((resolve) => child.once('close', resolve))
  return Object.fromEntries(
    output.split(/^## /m).map((part) => [part.split('\n', 1)[0], part.slice(part.indexOf('\n') + 1)]),
  )
}

test('the commands of the drills do what the document says', async () => {
  directory = mkdtempSync(join(tmpdir(), 'paxos-drills-'))
  const first = await freePorts(ports.length)
  const at = (port: string) => String(first + ports.indexOf(port))
  const address = (port: number) => `127.0.0.1:${at(String(port))}`
  const servers = [29_367, 29_368, 29_369].map(address).join(',')
  const said = await run(servers, at)

  expect(said['The state has reached its quota']).toMatch(
    /^the replicated state takes \d+ bytes.* of its quota of 1073741824 bytes \(1GiB\): .*\nchanged the quota from 1073741824 bytes \(1GiB\) to 2147483648 bytes \(2GiB\)/,
  )
  expect(said['A new version of the service']).toBe('version 1 of the service is in force already\n')
  expect(said['A server moves']).toContain(`moved server 2 to ${address(29_469)}; start it there:`)
  expect(said['A server moves']).toMatch(new RegExp(`^2 +${address(29_469)} +yes$`, 'm'))
  const all = said['All servers move']
  for (const id of [0, 1, 2]) expect(all).toContain(`moved server ${id} to ${address(29_477 + id)}\n`)
  expect(all, 'the lock is held as before').toMatch(/^printer +/m)
  expect(said['A backup']).toMatch(
    /^first\.backup: the state of the cluster \w+ \(lock\) before instance \d+; wrote \d+ bytes \([\d.]+KiB\)$/m,
  )
  const anew = said['A new cluster from a backup'] ?? ''
  expect(anew).toContain('first.backup was taken at')
  expect(anew).toMatch(/^the new cluster \w+ goes on at instance \d+\. Start its servers:$/m)
  expect(anew, 'the token of the printer').toMatch(/^printer +held +\S+ +1 /m)
  expect(anew, 'granted after the backup').not.toMatch(/^scanner/m)
  const [, token] = /^locked plotter token (\d+)$/m.exec(anew) ?? []
  expect(Number(token)).toBeGreaterThan(2 ** 32)
  const recovered = said['The majority is lost for ever'] ?? ''
  expect(recovered).toMatch(/server 0 of the cluster \w+ knew everything below instance \d+/)
  expect(recovered).toMatch(
    /^server 0 is the only one of the new cluster \w+, which goes on at instance \d+\. Start it:$/m,
  )
  expect(recovered, 'the token of the printer').toMatch(/^printer +held +\S+ +1 /m)
  const [, cutter] = /^locked cutter token (\d+)$/m.exec(recovered) ?? []
  expect(Number(cutter)).toBeGreaterThan(2 * 2 ** 32)
  expect(said, 'the shell came to its end').toHaveProperty('end')
}, 120_000)
