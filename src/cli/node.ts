import { type Command, Option } from 'commander'
import type { Address, NodeId } from '../../machines/batch.ts'
import { defaultInspectorPort } from '../inspect/records/protocol.ts'
import type { NodeOptions, RunningNode } from '../node/node.ts'
import { commandWords } from '../node/option-words.ts'
import { exitCodes, Failure } from './exit-codes.ts'
import {
  logLevelOption,
  type MemberOption,
  parseListenAddress,
  parseMembers,
  parseNodeId,
  parseReachableAddress,
  statelyOption,
} from './options.ts'
import { complain, print } from './output.ts'
import { onStopSignal } from './signals.ts'
import { readReport } from './status-report.ts'

/** The options of `paxos node`, each one parsed. */
export interface NodeFlags {
  readonly id: NodeId
  readonly members?: readonly MemberOption[]
  readonly listen?: Address
  readonly advertise?: Address
  readonly data?: string
  readonly memory?: boolean
  readonly bootstrap?: boolean
  readonly cluster?: string
  readonly join?: Address
  readonly executedLog?: boolean
  readonly journal?: string
  /** What `executedLog` was called in version 0.1.0. */
  readonly trace?: boolean
  /** What `journal` was called in version 0.1.0. */
  readonly record?: string
  readonly allowFaults?: boolean
  readonly inspect?: Address
  readonly stately?: string
  readonly logLevel: string
  readonly supervised?: boolean
}

/** What a supervised server says to `paxos cluster` once it serves. */
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
    .addOption(new Option('--data <dir>', 'where it stores what it promised, accepted and learned'))
    .addOption(
      new Option('--memory', 'store nothing: once stopped, it must be removed and join anew').conflicts([
        'data',
        'executedLog',
        'trace',
      ]),
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
        'where others find it (default: its own address in --members, or --listen)',
      ).argParser(parseReachableAddress),
    )
    .addOption(
      new Option('--bootstrap', 'found a new cluster of --members, at its first start').conflicts('join'),
    )
    .addOption(new Option('--cluster <name>', 'with --bootstrap: the name of the new cluster'))
    .addOption(
      new Option('--join <HOST:PORT>', 'join the running cluster of the server there').argParser(
        parseReachableAddress,
      ),
    )
    .addOption(
      new Option('--executed-log', 'write each request that was executed, in order, to DIR/executed.log'),
    )
    .addOption(new Option('--trace').hideHelp())
    .addOption(
      new Option(
        '--journal <file>',
        'write every event to this file, so that `paxos replay` can run it again',
      ),
    )
    .addOption(new Option('--record <file>').conflicts('journal').hideHelp())
    .addOption(
      new Option('--inspect [HOST:PORT]', 'tell the inspector there what happens')
        .argParser(parseReachableAddress)
        .preset(`127.0.0.1:${defaultInspectorPort}`),
    )
    .addOption(statelyOption())
    .addOption(
      new Option('--allow-faults', 'with --inspect: lose messages and fire timers as the inspector asks for'),
    )
    .addOption(logLevelOption('info'))
    .addOption(new Option('--supervised').hideHelp())
    .addHelpText(
      'after',
      `
A server with nothing stored starts with --bootstrap (a new cluster, at each of its servers) or with --join (a running
cluster). A new cluster serves once all its servers are there and know each other; paxos status says who is waited for.
With --join the server first asks to be added to the members, which takes a majority of them, and is told nothing before;
paxos members remove takes it away again.
Started again a server needs neither option: what it stored says which cluster it belongs to.`,
    )
    .action(runNode)
}

/** What the options ask for. Throws a `Failure` when they do not go together. */
export function nodeOptions(flags: NodeFlags): NodeOptions {
  const { id, members, memory, data, bootstrap, cluster, join } = flags
  const { inspect, allowFaults, stately } = flags
  const { executedLog = flags.trace, journal = flags.record } = flags
  if (members !== undefined && !members.some((member) => member.id === id)) {
    throw new Failure(
      `--id ${id} is not among --members (${members.map((member) => member.id).join(', ')}): add ${id}=HOST:PORT`,
    )
  }
  if (bootstrap && members === undefined) {
    throw new Failure('--bootstrap needs --members 0=HOST:PORT,1=…: the servers that found the cluster')
  }
  if (cluster !== undefined && !bootstrap) {
    throw new Failure(`--cluster ${cluster} names a new cluster: it goes with --bootstrap only`)
  }
  if (data === undefined && !memory) {
    throw new Failure(
      `--data DIR is missing: say where server ${id} is to store what it promised (or give --memory)`,
    )
  }
  if (allowFaults && inspect === undefined) {
    throw new Failure('--allow-faults needs --inspect: it is the inspector that asks for faults')
  }
  const own = members?.find((member) => member.id === id)?.address
  const listen = flags.listen ?? own
  if (listen === undefined) {
    throw new Failure(
      `--listen HOST:PORT is missing: say where server ${id} is to listen (or give --members, with its own address)`,
    )
  }
  const advertise = flags.advertise ?? own
  return {
    id,
    listen,
    dataDir: data ?? null,
    ...(advertise !== undefined && { advertise }),
    ...(bootstrap && members && { bootstrap: { members, ...(cluster !== undefined && { cluster }) } }),
    ...(join !== undefined && { join }),
    ...(executedLog !== undefined && { executedLog }),
    ...(journal !== undefined && { journal }),
    ...(allowFaults !== undefined && { allowFaults }),
    ...(inspect !== undefined && { inspect }),
    ...(stately !== undefined && { stately }),
  }
}

async function runNode(flags: NodeFlags): Promise<void> {
  const options = nodeOptions(flags)
  let node: RunningNode | null = null
  const stop = () => {
    // While it starts there is nothing to finish: what is stored is whole at any moment.
    if (node === null) process.exit(exitCodes.done)
    void node.stop()
  }
  if (flags.supervised) onSupervisorStop(stop)
  else onStopSignal(stop)
  // Loaded here, so that the other commands need not wait for it.
  const [{ startNodeIn }, { pino }] = await Promise.all([import('../node/node.ts'), import('pino')])
  const logger = pino({ level: flags.logLevel }, pino.destination({ dest: 2, sync: true }))
  node = await startNodeIn(commandWords, { ...options, logger })
  warnOfAddress(node)
  if (flags.supervised) sayReady({ ready: node.address })
  else {
    const where = options.dataDir === null ? 'in memory' : `data ${options.dataDir}`
    print(`server ${node.id} ready on ${node.address} (${where})`)
  }
  const reason = await node.ended
  if (reason !== null) complain(`server ${node.id} halted: ${reason}`)
  process.exit(reason === null ? exitCodes.done : exitCodes.failed)
}

/**
 * A server of `paxos cluster` hears the terminal's Ctrl-C and its end too, but leaves it to its parent to decide; it stops when the
 * channel to the parent closes, whether the parent closed it or died. Asked twice, it stops once.
 */
function onSupervisorStop(stop: () => void): void {
  let isStopping = false
  const stopOnce = () => {
    if (!isStopping) stop()
    isStopping = true
  }
  if (process.send === undefined) {
    throw new Failure('--supervised is for the servers that paxos cluster starts: leave it out')
  }
  process.on('SIGINT', () => undefined)
  process.on('SIGHUP', () => undefined)
  process.on('SIGTERM', stopOnce)
  process.on('disconnect', stopOnce)
  if (!process.connected) stopOnce()
}

function sayReady(message: ReadyMessage): void {
  // A parent that is gone is heard of by its channel's closing.
  process.send?.(message, undefined, undefined, () => undefined)
}

/** The others send to the address that the members have it at; started elsewhere it would wait for them in vain. */
function warnOfAddress(node: RunningNode): void {
  const recorded = readReport(node.status())?.members.find(({ id }) => id === node.id)?.address
  if (recorded === undefined || recorded === node.address) return
  complain(
    `server ${node.id} is at ${node.address}, but the cluster's members have it at ${recorded}: the others will not find it`,
  )
}
