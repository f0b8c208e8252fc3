import { join } from 'node:path'
import type { Address, NodeId } from '../../machines/batch.ts'
import { formatAddress } from '../network/address.ts'
import type { DirectoryStanding } from '../node/home.ts'
import { Failure } from './exit-codes.ts'
import { formatMembers } from './options.ts'
import { shellCommand } from './output.ts'

/** The options of `paxos cluster`, each one parsed. */
export interface ClusterFlags {
  readonly servers: number
  readonly host: string
  readonly port: number
  readonly data: string
  readonly memory?: boolean
  readonly executedLog?: boolean
  /** What `executedLog` was called in version 0.1.0. */
  readonly trace?: boolean
  readonly stately?: string
  /** Where the page is served on which one sees what the servers do. */
  readonly inspect?: number
  /** With `inspect`: what goes wrong can be asked for on the page. */
  readonly allowFaults?: boolean
  readonly logLevel: string
}

export interface PlannedServer {
  readonly id: NodeId
  readonly address: Address
  /** `null` for memory. */
  readonly dataDir: string | null
  /** Where it tells what happens; `null` for nowhere. */
  readonly inspector: Address | null
  /** What `paxos` is given to start it, or to start it again. */
  readonly args: readonly string[]
}

/** A server that must not be started, since it may have lost what it promised. */
export interface LostServer {
  readonly id: NodeId
  /** Why, and how to mend it. */
  readonly reason: string
}

export interface ClusterPlan {
  /** True when a new cluster is founded, or its founding goes on. */
  readonly isFirstStart: boolean
  readonly start: readonly PlannedServer[]
  readonly lost: readonly LostServer[]
}

/**
 * Which servers to start, and how. A cluster is founded while none of its servers may have voted; `standing` tells of a directory
 * whether its server may. `paxos` is the command as the user is to type it. Throws a `Failure` when there are not enough ports.
 */
export function planCluster(
  flags: ClusterFlags,
  standing: (dataDir: string) => DirectoryStanding,
  paxos: string,
): ClusterPlan {
  const { servers, host, port, data, memory, inspect, allowFaults } = flags
  const { executedLog = flags.trace } = flags
  const inspector = inspect === undefined ? null : `127.0.0.1:${inspect}`
  if (port + servers - 1 > 65_535) {
    throw new Failure(`--port ${port} leaves too few ports for --servers ${servers}: the last one is 65535`)
  }
  const members = Array.from({ length: servers }, (_, id) => ({
    id,
    address: formatAddress({ address: host, port: port + id }),
  }))
  const planned = members.map(({ id, address }) => {
    const dataDir = memory ? null : join(data, String(id))
    const args = ['node', '--id', `${id}`, '--members', formatMembers(members)]
    args.push(...(dataDir === null ? ['--memory'] : ['--data', dataDir]))
    if (executedLog) args.push('--executed-log')
    if (inspector !== null) args.push('--inspect', inspector)
    if (allowFaults) args.push('--allow-faults')
    return { id, address, dataDir, inspector, args }
  })
  const standings = new Map(
    planned.map((server) => [server, server.dataDir === null ? 'empty' : standing(server.dataDir)]),
  )
  const [contact] = planned.filter((server) => standings.get(server) === 'member')
  // Those that were interrupted while they founded the cluster go on.
  if (contact === undefined) return { isFirstStart: true, start: planned, lost: [] }
  const known = planned.filter((server) => standings.get(server) !== 'empty')
  const lost = planned
    .filter((server) => !known.includes(server))
    .map((server) => ({
      id: server.id,
      reason:
        `${server.dataDir} is empty while ${contact.dataDir} is not, and a server that may have lost what it promised must not vote. ` +
        `${joinAnew(server, contact.address, paxos)}; or delete ${data}, with all that is stored, to begin a new cluster`,
    }))
  return { isFirstStart: false, start: known, lost }
}

/** How a server that has lost what it promised is put back, with the help of the server at `contact`. */
export function joinAnew(
  { id, address, dataDir, inspector }: PlannedServer,
  contact: Address,
  paxos: string,
): string {
  const number = String(id)
  const store = dataDir === null ? ['--memory'] : ['--data', dataDir]
  const remove = shellCommand(['members', 'remove', number, '--servers', contact])
  const tells = inspector === null ? [] : ['--inspect', inspector]
  const join = shellCommand([
    'node',
    '--id',
    number,
    '--listen',
    address,
    ...store,
    ...tells,
    '--join',
    contact,
  ])
  return `To have it join anew: ${paxos} ${remove}; then ${paxos} ${join}`
}

/** How a server that ended is started again; `contact` is where another server of its cluster is. */
export function startAgain(server: PlannedServer, contact: Address, paxos: string): string {
  if (server.dataDir === null) return `It has forgotten what it promised. ${joinAnew(server, contact, paxos)}`
  return `Start it again with: ${paxos} ${shellCommand(server.args)}`
}
