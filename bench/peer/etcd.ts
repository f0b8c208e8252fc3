/** `npm run bench -- --peer etcd`: locks, puts and gets, beside etcd. */
import { join } from 'node:path'
import type { BenchOptions } from '../options.ts'
import { print } from '../parts/part.ts'
import { Agent } from '../processes/agent.ts'
import { type ComparedLoad, compare } from './compare.ts'
import { etcdVersion, startEtcd } from './etcd-members.ts'
import type { EtcdCommands } from './etcd-process.ts'
import { type Side, startSide } from './side.ts'

const loads: readonly ComparedLoad[] = [
  { requests: 'pairs', outstanding: 64 },
  { requests: 'put', outstanding: 256 },
  { requests: 'get', outstanding: 256 },
]

/** Prints one line in place of the figures when there is no etcd. */
export async function compareEtcd(directory: string, options: BenchOptions): Promise<void> {
  const version = await etcdVersion()
  if (version === null) {
    print('skipped: there is no etcd on the PATH (on Debian it is in the package etcd-server)')
    return
  }
  const sides = await Promise.all([
    startSide('this', join(directory, 'this')),
    startEtcdSide(`etcd ${version}`, join(directory, 'etcd')),
  ])
  await compare(sides, loads, options)
  await Promise.all(sides.map((side) => side.stop()))
}

async function startEtcdSide(name: string, directory: string): Promise<Side> {
  const members = await startEtcd(directory)
  const client = await Agent.start<EtcdCommands>(new URL('./etcd-process.js', import.meta.url))
  const url = await client.call('leaderOf', members.urls)
  return {
    name,
    load: (requests, window) => client.call('load', { url, requests, ...window }),
    pids: () => ({ servers: members.pids, client: client.pid }),
    async stop() {
      await Promise.all([client.end(), members.stop()])
    },
  }
}
