import { type Command, Option } from 'commander'
import type { Address, NodeId } from '../../machines/batch.ts'
import { defaultInspectorPort } from '../inspect/records/protocol.ts'
import type { NodeOptions, RunningNode } from '../node/node.ts'
import { commandWords } from '../node/option-words.ts'
import { knownService } from '../services/known.ts'
import { exitCodes, wrongUse } from './exit-codes.ts'
import {
  diskLowWaterOption,
  logLevelOption,
  type MemberOption,
  parseListenAddress,
  parseMembers,
  parseNodeId,
  parseReachableAddress,
  serviceOption,
  snapshotEveryOption,
  statelyOption,
} from './options.ts'
import { complain, print } from './output.ts'
import { onStopSignal } from './signals.ts'
import { readReport } from './status-report.ts'

/** The parsed options of `paxos node`. */
export interface NodeFlags {
  readonly id: NodeId
  readonly members?: readonly MemberOption[]
  readonly listen?: Address
  readonly advertise?: Address
  readonly data?: string
  readonly memory?: boolean
  readonly moved?: boolean
  readonly bootstrap?: boolean
  readonly cluster?: string
  readonly service?: string
  readonly join?: Address
  readonly addresses?: readonly MemberOption[]
  readonly executedLog?: boolean
  readonly journal?: string
  readonly snapshotEvery?: number
  readonly diskLowWater?: number
  /** The name of `executedLog` in version 0.1.0. */
  readonly trace?: boolean
  /** The name of `journal` in version 0.1.0. */
  readonly record?: string
  readonly allowFaults?: boolean
  readonly inspect?: Address
  readonly stately?: string
  readonly logLevel: string
  readonly supervised?: boolean
}

/** The message of a supervised server to `paxos cluster` when it serves. */
export interface ReadyMessage {
  readonly ready: Address
}

export function addNodeCommand(program: Command): void {
  program
    .command('node')
    .description('run one server')
    .addOption(new Option('--id <n>', "this server's number").argParser(parseNodeId).makeOptionMandatory())
    .addOption(
      new Option('--members <0=HOST:PORT,1=…>', 'the servers of the cluster, this one among them').argParser(
        parseMembers,
      ),
    )
    .addOption(new Option('--data <dir>', 'the directory for what it promised, accepted and learned'))
    .addOption(
      new Option(
        '--memory',
        'store nothing on disk: once stopped, it must be removed and join again',
      ).conflicts(['data', 'executedLog', 'trace']),
    )
    .addOption(
      new Option('--moved', 'with --data: the directory was moved, and nothing was lost').conflicts('memory'),
    )
    .addOption(
      new Option(
        '--listen <HOST:PORT>',
        'where it listens (default: its own address in --members)',
      ).argParser(parseListenAddress),
    )
    .addOption(
      new Option(
        '--advertise <HOST:PORT>',
        'the address that others use (default: its own address in --members, or --listen)',
      ).argParser(parseReachableAddress),
    )
    .addOption(
      new Option('--bootstrap', 'found a new cluster of --members, at its first start').conflicts('join'),
    )
    .addOption(new Option('--cluster <name>', 'with --bootstrap: the name of the new cluster'))
    .addOption(serviceOption())
    .addOption(
      new Option('--join <HOST:PORT>', 'join the running cluster of the server there').argParser(
        parseReachableAddress,
      ),
    )
    .addOption(
      new Option(
        '--addresses <0=HOST:PORT,1=…>',
        'where the servers are now, when all moved: until paxos members move has the cluster agree on it',
      ).argParser(parseMembers),
    )
    .addOption(
      new Option('--executed-log', 'write each request that was executed, in order, to DIR/executed.log'),
    )
    .addOption(new Option('--trace').hideHelp())
    .addOption(new Option('--journal <file>', 'write every event to this file, for `paxos replay`'))
    .addOption(snapshotEveryOption())
    .addOption(diskLowWaterOption())
    .addOption(new Option('--record <file>').conflicts('journal').hideHelp())
    .addOption(
      new Option('--inspect [HOST:PORT]', 'report to the inspector at this address')
        .argParser(parseReachableAddress)
        .preset(`127.0.0.1:${defaultInspectorPort}`),
    )
    .addOption(statelyOption())
    .addOption(
      new Option('--allow-faults', 'with --inspect: let the inspector lose messages and fire timers'),
    )
    .addOption(logLevelOption('info'))
    .addOption(new Option('--supervised').hideHelp())
    .addHelpText(
      'after',
      `
A server with nothing stored starts with --bootstrap (a new cluster, at each of its servers) or with --join (a running
cluster). A new cluster serves when all its servers run and know each other; paxos status shows which are missing.
With --join the server first asks the members to add it, which takes a majority of them;
paxos members remove removes it again.
When started again, a server needs neither option: its stored state names its cluster.

A server refuses to start with a copy of its directory, because an older copy has forgotten votes of the server. A directory that
was moved to another file system is a copy, too: if nothing was lost, start it once with --moved. A directory that was renamed, or
whose volume is mounted at another place, starts without it.

A server that moved starts at its new address with --listen; paxos members move tells the others. When all moved, start each
with --addresses, and then give paxos members move all new addresses at once.`,
    )
    .action(runNode)
}

/** Converts the options. Throws a `Failure` when they contradict each other. */
export function nodeOptions(flags: NodeFlags): NodeOptions {
  const { id, members, memory, data, moved, bootstrap, cluster, join, addresses = [] } = flags
  const { inspect, allowFaults, stately, snapshotEvery, diskLowWater } = flags
  const { executedLog = flags.trace, journal = flags.record } = flags
  if (members !== undefined && !members.some((member) => member.id === id)) {
    throw wrongUse(
      `--id ${id} is not among --members (${members.map((member) => member.id).join(', ')}): add ${id}=HOST:PORT`,
    )
  }
  if (bootstrap && members === undefined) {
    throw wrongUse('--bootstrap needs --members 0=HOST:PORT,1=…: the servers that found the cluster')
  }
  if (cluster !== undefined && !bootstrap) {
    throw wrongUse(`--cluster ${cluster} names a new cluster: it goes with --bootstrap only`)
  }
  if (data === undefined && !memory) {
    throw wrongUse(
      `--data DIR is missing: give the directory in which server ${id} stores what it promised (or give --memory)`,
    )
  }
  if (allowFaults && inspect === undefined) {
    throw wrongUse('--allow-faults needs --inspect: the inspector injects the faults')
  }
  const service = flags.service === undefined ? null : knownService(flags.service)
  const own = [...addresses, ...(members ?? [])].find((member) => member.id === id)?.address
  const listen = flags.listen ?? own
  if (listen === undefined) {
    throw wrongUse(
      `--listen HOST:PORT is missing: give the address on which server ${id} listens (or give --members, with its own address)`,
    )
  }
  const advertise = flags.advertise ?? own
  return {
    id,
    listen,
    dataDir: data ?? null,
    ...(moved !== undefined && { moved }),
    ...(advertise !== undefined && { advertise }),
    ...(service !== null && { service }),
    ...(bootstrap && members && { bootstrap: { members, ...(cluster !== undefined && { cluster }) } }),
    ...(join !== undefined && { join }),
    ...(addresses.length > 0 && { addresses }),
    ...(executedLog !== undefined && { executedLog }),
    ...(journal !== undefined && { journal }),
    ...(snapshotEvery !== undefined && { snapshotEvery }),
    ...(diskLowWater !== undefined && { diskLowWaterBytes: diskLowWater }),
    ...(allowFaults !== undefined && { allowFaults }),
    ...(inspect !== undefined && { inspect }),
    ...(stately !== undefined && { stately }),
  }
}

async function runNode(flags: NodeFlags): Promise<void> {
  const options = nodeOptions(flags)
  let node: RunningNode | null = null
  const stop = () => {
    // During the start there is nothing to finish: the stored state is consistent at any moment.
    if (node === null) process.exit(exitCodes.done)
    void node.stop()
  }
  if (flags.supervised) onSupervisorStop(stop)
  else onStopSignal(stop)
  // Imported here, so that the other commands start faster.
  const [{ startNodeIn }, { pino }] = await Promise.all([import('../node/node.ts'), import('pino')])
  const logger = pino({ level: flags.logLevel }, pino.destination({ dest: 2, sync: true }))
  node = await startNodeIn(commandWords, { ...options, logger })
  warnOfAddress(node)
  if (flags.supervised) reportReady({ ready: node.address })
  else {
    const where = options.dataDir === null ? 'in memory' : `data ${options.dataDir}`
    print(`server ${node.id} ready on ${node.address} (${where})`)
  }
  const reason = await node.ended
  if (reason !== null) complain(`server ${node.id} halted: ${reason}`)
  process.exit(reason === null ? exitCodes.done : exitCodes.failed)
}

/**
 * A server of `paxos cluster` also receives the terminal's Ctrl-C, Ctrl-\ and hang-up, but its parent decides when it stops. It stops
 * when the channel to the parent closes, because the parent closed it or died. A second request has no effect.
 */
function onSupervisorStop(stop: () => void): void {
  let isStopping = false
  const stopOnce = () => {
    if (!isStopping) stop()
    isStopping = true
  }
  if (process.send === undefined) {
    throw wrongUse('--supervised is for the servers that paxos cluster starts: leave it out')
  }
  process.on('SIGINT', () => undefined)
  process.on('SIGHUP', () => undefined)
  process.on('SIGQUIT', () => undefined)
  process.on('SIGTERM', stopOnce)
  process.on('disconnect', stopOnce)
  if (!process.connected) stopOnce()
}

function reportReady(message: ReadyMessage): void {
  // The channel closes when the parent is gone, which is handled elsewhere.
  process.send?.(message, undefined, undefined, () => undefined)
}

/** Warns when this server listens at another address than the one that the members know: they would send to the wrong address. */
function warnOfAddress(node: RunningNode): void {
  const recorded = readReport(node.status())?.members.find(({ id }) => id === node.id)?.address
  if (recorded === undefined || recorded === node.address) return
  complain(
    `server ${node.id} is at ${node.address}, but the cluster's members know it at ${recorded}: the others cannot reach it. ` +
      `If it moved: paxos members move ${node.id}=${node.address}`,
  )
}
