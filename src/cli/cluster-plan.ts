import { join } from 'node:path'
import type { Address, NodeId } from '../../machines/batch.ts'
import { formatAddress } from '../network/address.ts'
import type { DirectoryStanding } from '../node/home.ts'
import { wrongUse } from './exit-codes.ts'
import { defaultService, formatMembers } from './options.ts'
import { shellCommand } from './output.ts'

/** The parsed options of `paxos cluster`. */
export interface ClusterFlags {
  readonly servers: number
  readonly host: string
  readonly port: number
  readonly service?: string
  readonly data: string
  readonly memory?: boolean
  readonly moved?: boolean
  readonly executedLog?: boolean
  readonly snapshotEvery?: number
  /** The name of `executedLog` in version 0.1.0. */
  readonly trace?: boolean
  readonly stately?: string
  /** The port of the page that shows what the servers do. */
  readonly inspect?: number
  /** With `inspect`: the page can inject faults. */
  readonly allowFaults?: boolean
  readonly logLevel: string
}

export interface PlannedServer {
  readonly id: NodeId
  readonly address: Address
  /** `null` for memory. */
  readonly dataDir: string | null
  /** The address to which it reports events; `null` for none. */
  readonly inspector: Address | null
  /** The service that it runs. */
  readonly service: string
  /** The arguments of `paxos` that start it, also after a stop. */
  readonly args: readonly string[]
}

/** A server that must not be started, because it may have lost its promises. */
export interface LostServer {
  readonly id: NodeId
  /** The reason, and how to repair it. */
  readonly reason: string
}

export interface ClusterPlan {
  /** True when a new cluster is founded, or its founding continues. */
  readonly isFirstStart: boolean
  readonly start: readonly PlannedServer[]
  readonly lost: readonly LostServer[]
}

/**
 * Decides which servers to start, and how. A cluster is founded while none of its servers may have voted; `standing` says whether
 * the server of a directory may have. `paxos` is the command as the user types it. Throws a `Failure` when there are not enough
 * ports.
 */
export function planCluster(
  flags: ClusterFlags,
  standing: (dataDir: string) => DirectoryStanding,
  paxos: string,
): ClusterPlan {
  const { servers, host, port, data, memory, inspect, allowFaults, service = defaultService } = flags
  const { executedLog = flags.trace, snapshotEvery } = flags
  const inspector = inspect === undefined ? null : `127.0.0.1:${inspect}`
  if (port + servers - 1 > 65_535) {
    throw wrongUse(`--port ${port} leaves too few ports for --servers ${servers}: the last one is 65535`)
  }
  const members = Array.from({ length: servers }, (_, id) => ({
    id,
    address: formatAddress({ address: host, port: port + id }),
  }))
  const planned = members.map(({ id, address }) => {
    const dataDir = memory ? null : join(data, String(id))
    const args = ['node', '--id', `${id}`, '--members', formatMembers(members)]
    args.push(...(dataDir === null ? ['--memory'] : ['--data', dataDir]))
    args.push(...serviceArgs(service))
    if (executedLog) args.push('--executed-log')
    if (snapshotEvery !== undefined) args.push('--snapshot-every', `${snapshotEvery}`)
    if (inspector !== null) args.push('--inspect', inspector)
    if (allowFaults) args.push('--allow-faults')
    return { id, address, dataDir, inspector, service, args }
  })
  const standings = new Map(
    planned.map((server) => [server, server.dataDir === null ? 'empty' : standing(server.dataDir)]),
  )
  const [contact] = planned.filter((server) => standings.get(server) === 'member')
  // Founders that were interrupted continue.
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

/** The commands that let a server join again after it lost its promises, through the server at `contact`. */
export function joinAnew(
  { id, address, dataDir, inspector, service }: PlannedServer,
  contact: Address,
  paxos: string,
): string {
  const number = String(id)
  const store = dataDir === null ? ['--memory'] : ['--data', dataDir]
  const remove = shellCommand(['members', 'remove', number, '--servers', contact])
  const reporting = inspector === null ? [] : ['--inspect', inspector]
  const join = shellCommand([
    'node',
    '--id',
    number,
    '--listen',
    address,
    ...store,
    ...serviceArgs(service),
    ...reporting,
    '--join',
    contact,
  ])
  return `To let it join again: ${paxos} ${remove}; then ${paxos} ${join}`
}

/** The option that names the service; none for the usual one. */
function serviceArgs(service: string): readonly string[] {
  return service === defaultService ? [] : ['--service', service]
}

/** How to start a server again after it ended. `contact` is the address of another server of its cluster. */
export function startAgain(server: PlannedServer, contact: Address, paxos: string): string {
  if (server.dataDir === null) return `It has lost its promises. ${joinAnew(server, contact, paxos)}`
  return `Start it again with: ${paxos} ${shellCommand(server.args)}`
}
