/** A cluster of three server processes, for a measurement. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface BenchCluster {
  readonly servers: readonly string[]
  /** The process ids of the servers. */
  readonly pids: readonly number[]
  stop(): Promise<void>
}

/** Starts three servers with `more` options. They store under `directory`, or in memory when it is `null`. */
export async function startCluster(
  directory: string | null,
  more: readonly string[] = [],
): Promise<BenchCluster> {
  const servers = await Promise.all([0, 1, 2].map(freeAddress))
  const members = servers.map((address, id) => `${id}=${address}`).join(',')
  const main = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))
  const children = await Promise.all(
    servers.map((_, id) => {
      const store = directory === null ? ['--memory'] : ['--data', join(directory, String(id))]
      return startServer([
        main,
        'node',
        '--id',
        String(id),
        '--members',
        members,
        '--bootstrap',
        '--log-level',
        'warn',
        ...store,
        ...more,
      ])
    }),
  )
  return {
    servers,
    pids: children.map(({ pid }) => pid ?? 0),
    async stop() {
      for (const child of children) child.kill('SIGTERM')
      await Promise.all(children.map((child) => child.exitCode ?? once(child, 'exit')))
    },
  }
}

async function startServer(args: readonly string[]): Promise<ChildProcess> {
  // PAXOS_BENCH_NODE_FLAGS adds options of Node.js, such as `--cpu-prof` to profile the servers.
  const flags = process.env.PAXOS_BENCH_NODE_FLAGS?.split(' ') ?? []
  const child = spawn(process.execPath, [...flags, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(createInterface({ input: child.stdout }), 'line')
  return child
}

async function freeAddress(): Promise<string> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  return `127.0.0.1:${port}`
}
