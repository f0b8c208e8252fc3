import { accessSync, constants } from 'node:fs'
import { basename, relative } from 'node:path'
import { type Command, Option } from 'commander'
import type { Address, NodeId } from '../../machines/batch.ts'
import { replicatedLimits } from '../../machines/limits.ts'
import type { ControlResult, ProcessCommand } from '../inspect/records/control.ts'
import { defaultInspectorPort } from '../inspect/records/protocol.ts'
import { isReachable } from '../network/address.ts'
import { bindSocket } from '../network/socket.ts'
import { standingOf } from '../node/home.ts'
import { makePrivateDirectory } from '../storage/permissions.ts'
import { type ClusterFlags, type PlannedServer, planCluster } from './cluster-plan.ts'
import { exitCodes, Failure, wrongUse } from './exit-codes.ts'
import { inquireOnce } from './inquire.ts'
import { Inspector, inspectorLine } from './inspector.ts'
import {
  logLevelOption,
  type MemberOption,
  parseHost,
  serviceOption,
  snapshotEveryOption,
  statelyOption,
  wholeNumber,
} from './options.ts'
import { complain, print, shellCommand } from './output.ts'
import { ServerProcesses } from './server-processes.ts'
import { onStopSignal } from './signals.ts'
import { mostKnowing } from './status-report.ts'

/** The time that servers have to report their status, in milliseconds. */
const askMs = 1_000

/** The way on when the data of a server is damaged: it is removed with the help of the others. */
const startWithoutText =
  'Move the directory of a server whose data is damaged away, and start the cluster again: the others then run, and the command ' +
  'prints how that server joins again'

/** A server that has not stopped after this time is killed, in milliseconds. */
const stopPatienceMs = 10_000

export function addClusterCommand(program: Command): void {
  program
    .command('cluster')
    .description('run a cluster on this machine, each server in a process of its own')
    .addOption(
      new Option('--servers <n>', 'how many').argParser(wholeNumber(1, replicatedLimits.members)).default(3),
    )
    .addOption(new Option('--host <host>', 'where they listen').argParser(parseHost).default('127.0.0.1'))
    .addOption(
      new Option('--port <port>', "the first server's port; the others follow")
        .argParser(wholeNumber(1, 65_535))
        .default(29_367),
    )
    .addOption(new Option('--data <dir>', 'the data directory; server 0 stores in DIR/0').default('.paxos'))
    .addOption(
      new Option('--moved', 'the data directories were moved, and nothing was lost').conflicts('memory'),
    )
    .addOption(serviceOption())
    .addOption(
      new Option('--memory', 'store nothing on disk: a stop loses everything').conflicts([
        'data',
        'executedLog',
        'trace',
      ]),
    )
    .addOption(
      new Option('--executed-log', 'write each request that was executed, in order, to DIR/N/executed.log'),
    )
    .addOption(snapshotEveryOption())
    .addOption(new Option('--trace').hideHelp())
    .addOption(statelyOption())
    .addOption(
      new Option('--inspect [PORT]', 'serve a page that shows what the servers do')
        .argParser(wholeNumber(0, 65_535))
        .preset(String(defaultInspectorPort)),
    )
    .addOption(
      new Option(
        '--allow-faults',
        'with --inspect: let the page lose messages, fire timers, and pause, crash and restart servers',
      ),
    )
    .addOption(logLevelOption('warn'))
    .addHelpText(
      'after',
      `
Ctrl-C stops all servers. When started again, they continue with their stored state. A server that ends by itself, or is killed,
is not started again: the printed line shows the command that starts it.`,
    )
    .action(runCluster)
}

async function runCluster({ inspect, allowFaults = false, ...flags }: ClusterFlags): Promise<void> {
  if (allowFaults && inspect === undefined) {
    throw wrongUse('--allow-faults needs --inspect: its page injects the faults')
  }
  const paxos = ownCommand()
  let servers: ServerProcesses | null = null
  const processes = async (command: ProcessCommand): Promise<ControlResult> =>
    servers?.control(command) ?? { ok: false, error: 'the servers are about to start' }
  const inspector =
    inspect === undefined ? null : await beginInspector(inspect, allowFaults ? processes : null)
  const watched = inspector === null ? flags : { ...flags, inspect: inspector.hub.port, allowFaults }
  const { isFirstStart, start, lost } = planCluster(watched, standingOf, paxos)
  inspector?.hub.expect(start.map(({ address }) => address))
  await checkBeforehand(start)
  for (const { id, reason } of lost) complain(`server ${id} is not started: ${reason}`)

  const stately = flags.stately === undefined ? [] : ['--stately', flags.stately]
  const running = new ServerProcesses(start, {
    args: ['--log-level', flags.logLevel, ...stately],
    first: [...(isFirstStart ? ['--bootstrap'] : []), ...(flags.moved ? ['--moved'] : [])],
    paxos,
  })
  servers = running
  const stop = async () => {
    running.stop()
    const impatience = setTimeout(() => {
      complain(`servers that had not stopped after ${stopPatienceMs / 1000} s are killed`)
      running.kill()
    }, stopPatienceMs)
    await running.ended
    clearTimeout(impatience)
    await inspector?.close()
  }
  process.on('exit', () => running.kill())
  onStopSignal(() => {
    void stop().then(() => {
      print('cluster stopped')
      process.exit(exitCodes.done)
    })
  })

  const ready = await running.ready()
  if (running.isStopping) return
  if (ready.includes(false)) {
    await stop()
    const advice = isFirstStart ? '' : `. ${startWithoutText}`
    throw new Failure(`server ${idsOf(start, ready)} could not start; the others are stopped${advice}`)
  }
  print(readyLine(start.length, flags.servers))
  if (inspector !== null) print(inspectorLine(inspector.hub))
  if (!isFirstStart) {
    const known = [...start, ...lost].map(({ id }) => id)
    const others = await silentOthers(
      known,
      start.map(({ address }) => address),
    )
    if (!running.isStopping) for (const other of others) print(otherLine(other, start, paxos))
  }
  await running.ended
  if (running.isStopping) return
  throw new Failure('all servers have ended')
}

/** A cluster also works without an inspector. */
async function beginInspector(
  port: number,
  processes: ((command: ProcessCommand) => Promise<ControlResult>) | null,
): Promise<Inspector | null> {
  try {
    return await Inspector.begin({ port }, processes === null ? null : { processes })
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    complain(`${error.message}; the cluster runs without the inspector`)
    return null
  }
}

function readyLine(started: number, wanted: number): string {
  if (started === wanted) return 'cluster ready'
  if (started * 2 > wanted) return `cluster ready, with ${started} of ${wanted} servers`
  return `${started} of ${wanted} servers ready: too few to choose anything`
}

/** Counted members that are not among `known` and do not answer. A quorum may need them. */
async function silentOthers(
  known: readonly NodeId[],
  addresses: readonly Address[],
): Promise<readonly MemberOption[]> {
  const answers = await inquireOnce(addresses, askMs)
  const members = mostKnowing(answers.flatMap(({ report }) => report ?? []))?.members ?? []
  const others = members.filter(({ id, counted }) => counted && !known.includes(id))
  const asked = others.filter(({ address }) => isReachable(address)).map(({ address }) => address)
  const found = asked.length === 0 ? [] : await inquireOnce(asked, askMs)
  return others.filter(({ id }) => !found.some(({ report }) => report?.id === id))
}

function otherLine({ id, address }: MemberOption, started: readonly PlannedServer[], paxos: string): string {
  const servers = started.map((server) => server.address).join(',')
  const remove = shellCommand(['members', 'remove', String(id), '--servers', servers])
  return `server ${id} at ${address} is counted, and is not one of these: start it, or remove it with: ${paxos} ${remove}`
}

function idsOf(servers: readonly PlannedServer[], ready: readonly boolean[]): string {
  return servers
    .filter((_, place) => ready[place] === false)
    .map(({ id }) => id)
    .join(', ')
}

/**
 * Checks all servers before the first starts, because the others would wait for a server that fails. Throws a `Failure` or a
 * `StartError`.
 */
async function checkBeforehand(servers: readonly PlannedServer[]): Promise<void> {
  for (const { address, dataDir } of servers) {
    const socket = await bindSocket(address)
    socket.close()
    if (dataDir === null) continue
    try {
      makePrivateDirectory(dataDir)
      accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
    } catch (error) {
      throw new Failure(`--data: ${dataDir} cannot be used: ${(error as Error).message}`)
    }
  }
}

/** The command with which the user ran this program. */
function ownCommand(): string {
  const [, program = 'paxos'] = process.argv
  if (basename(program) === 'paxos') return 'paxos'
  const run = program.endsWith('.ts') ? ['npx', 'tsx'] : ['node']
  return shellCommand([...run, relative(process.cwd(), program)])
}
