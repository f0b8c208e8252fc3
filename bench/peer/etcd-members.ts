/** Three members of etcd, in processes of their own, with durable data. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { endNow, endWithParent } from '../processes/agent.ts'

const size = 3

export interface EtcdMembers {
  /** The URLs for clients. */
  readonly urls: readonly string[]
  readonly pids: readonly number[]
  stop(): Promise<void>
}

/** The version of the etcd on the PATH; `null` when there is none. */
export async function etcdVersion(): Promise<string | null> {
  const child = spawn('etcd', ['--version'], { stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  child.stdout.on('data', (data) => {
    output += data
  })
  try {
    await once(child, 'close')
    return /Version: (\S+)/.exec(output)?.[1] ?? 'of an unknown version'
  } catch {
    return null
  }
}

/** Starts the members, which store below `directory`. They need some time to elect a leader. */
export async function startEtcd(directory: string): Promise<EtcdMembers> {
  const ports = await freePorts(2 * size)
  const members = Array.from({ length: size }, (_, id) => ({
    name: `etcd-${id}`,
    client: `http://127.0.0.1:${ports[2 * id]}`,
    peer: `http://127.0.0.1:${ports[2 * id + 1]}`,
  }))
  const all = members.map(({ name, peer }) => `${name}=${peer}`).join(',')
  const children = members.map(({ name, client, peer }) =>
    startMember([
      ...['--name', name, '--data-dir', join(directory, name), '--log-level', 'error'],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', all, '--initial-cluster-state', 'new'],
    ]),
  )
  return {
    urls: members.map(({ client }) => client),
    pids: children.map(({ pid }) => pid ?? 0),
    async stop() {
      await Promise.all(children.map(endNow))
    },
  }
}

function startMember(args: readonly string[]): ChildProcess {
  // The logger of old versions prints its warnings whatever the level; the clients report what goes wrong.
  const child = spawn('etcd', args, { stdio: 'ignore' })
  endWithParent(child)
  return child
}

/** TCP ports that no process uses. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => {
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  })
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}
